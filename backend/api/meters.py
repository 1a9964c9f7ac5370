"""What the process counts for Prometheus: one catalogue, and the counters of one application.

Labels are bounded: routes by their template, states, kinds; never a run, a worker or a client.
Every application has a registry of its own, so that two in one process do not mix.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram

from backend.api.access import Access

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"
REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
WAIT_BUCKETS_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)


@dataclass(frozen=True, slots=True)
class Meter:
    """One metric of the platform."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    """What it is, with its unit."""
    scope: Literal["process", "platform"]
    """Whether each API process counts its own, or all read the same from the database."""


def _index(*meters: Meter) -> MappingProxyType[str, Meter]:
    return MappingProxyType({meter.name: meter for meter in meters})


METERS = _index(
    Meter(
        *("maye_http_requests_total", "counter", ("method", "route", "status")),
        *("Requests answered, by the template of their route.", "process"),
    ),
    Meter(
        *("maye_http_request_duration_seconds", "histogram", ("method", "route")),
        *("Seconds from a request's arrival to the end of its answer.", "process"),
    ),
    Meter(
        *("maye_claim_wait_seconds", "histogram", ()),
        *("Seconds that a run was queued before a worker claimed it.", "process"),
    ),
    Meter(
        *("maye_leases_lost_total", "counter", ()),
        *("Attempts taken from runners that fell silent.", "process"),
    ),
    Meter(
        *("maye_fences_rejected_total", "counter", ()),
        *("Messages refused because their sender no longer owns the run.", "process"),
    ),
    Meter(
        *("maye_ingested_rows_total", "counter", ("kind",)),
        *("Records taken in from runners, by their kind; repetitions count again.", "process"),
    ),
    Meter(
        *("maye_stream_clients", "gauge", ()),
        *("Open event streams.", "process"),
    ),
    Meter("maye_runs", "gauge", ("status",), "Runs by status.", "platform"),
    Meter(
        *("maye_queue_runs", "gauge", ("device_kind",)),
        *("Queued runs by the kind of device that they ask for.", "platform"),
    ),
    Meter(
        *("maye_queue_oldest_seconds", "gauge", ()),
        *("Age of the oldest queued run in seconds; 0 when none is queued.", "platform"),
    ),
    Meter(
        *("maye_outbox_oldest_seconds", "gauge", ()),
        *("Age of the oldest ring that the broker has not taken, in seconds.", "platform"),
    ),
    Meter("maye_workers", "gauge", ("state",), "Known workers by state.", "platform"),
    Meter(
        *("maye_gpus", "gauge", ("state",)),
        *("GPUs of present workers: free or held by a run.", "platform"),
    ),
    Meter(
        *("maye_disk_bytes", "gauge", ("state",)),
        *("Disk of MAYE_HOME in bytes: free or used.", "platform"),
    ),
    Meter(
        *("maye_stored_bytes", "gauge", ("kind",)),
        *("Bytes under MAYE_HOME and in the database, by kind.", "platform"),
    ),
)
"""Every metric by name; those of another name are not exposed."""


class Meters:
    """The counters of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter("maye_http_requests_total")
        self._durations = self._histogram("maye_http_request_duration_seconds", REQUEST_BUCKETS_S)
        self._waits = self._histogram("maye_claim_wait_seconds", WAIT_BUCKETS_S)
        self._fences = self._counter("maye_fences_rejected_total")
        self._rows = self._counter("maye_ingested_rows_total")

    def count_request(self, access: Access) -> None:
        """Count an answered request."""
        method = access.method if access.method in METHODS else OTHER_METHOD
        self._requests.labels(method, access.route, str(access.status)).inc()
        self._durations.labels(method, access.route).observe(access.duration_s)

    def count_claim(self, waited_s: float) -> None:
        """Count a run that was handed out."""
        self._waits.observe(waited_s)

    def count_rejected_fence(self) -> None:
        """Count a message of somebody who has lost the run."""
        self._fences.inc()

    def count_rows(self, kind: str, number: int) -> None:
        """Count records that were taken in."""
        self._rows.labels(kind).inc(number)

    def _counter(self, name: str) -> Counter:
        meter = METERS[name]
        return Counter(name, meter.help, meter.labels, registry=self.registry)

    def _histogram(self, name: str, buckets: tuple[float, ...]) -> Histogram:
        meter = METERS[name]
        return Histogram(name, meter.help, meter.labels, registry=self.registry, buckets=buckets)
