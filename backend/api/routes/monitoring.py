"""Prometheus: what this process counts, and how the platform stands."""

from collections.abc import Iterable, Mapping

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from backend.api.dependencies import NowDep, Platform, PlatformDep, require_reader_of_metrics
from backend.api.meters import METERS
from backend.api.services.operation import Standing, look
from backend.contract.disk import DiskSpace, read_space

router = APIRouter(tags=["health"], dependencies=[Depends(require_reader_of_metrics)])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE_PLAIN_0_0_4: {}}, "description": "Metrics"}},
)
def get_metrics(platform: PlatformDep, now: NowDep) -> Response:
    """Metrics in Prometheus' text format; wants the admin token or MAYE_METRICS_TOKEN."""
    with platform.database.read_scope() as session:
        standing = look(session, now)
    settings = platform.settings
    disk = read_space(settings.paths.root, settings.min_free_disk_bytes)
    families = [
        *_describe_process(platform),
        *_describe_standing(standing),
        *_describe_disk(disk, platform.storage.read()),
    ]
    # One registry a request: what it collects was read for this request alone.
    of_request = CollectorRegistry()
    of_request.register(_Collected(families))
    text = generate_latest(platform.meters.registry) + generate_latest(of_request)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Collected:
    """Families that are there already, as a registry wants them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _describe_process(platform: Platform) -> list[Metric]:
    name = "maye_leases_lost_total"
    lost = CounterMetricFamily(name, METERS[name].help, platform.relay.num_leases_lost)
    return [lost, _gauge("maye_stream_clients", platform.changefeed.num_clients)]


def _describe_standing(standing: Standing) -> list[Metric]:
    gpus = {"free": standing.num_gpus - standing.num_held_gpus, "held": standing.num_held_gpus}
    return [
        _gauges("maye_runs", standing.runs),
        _gauges("maye_queue_runs", standing.queued),
        _gauge("maye_queue_oldest_seconds", standing.queue_oldest_s),
        _gauge("maye_outbox_oldest_seconds", standing.outbox_oldest_s),
        _gauges("maye_workers", standing.workers),
        _gauges("maye_gpus", gpus),
    ]


def _describe_disk(disk: DiskSpace, stored: Mapping[str, int]) -> list[Metric]:
    used = {"free": disk.free_bytes, "used": disk.total_bytes - disk.free_bytes}
    return [_gauges("maye_disk_bytes", used), _gauges("maye_stored_bytes", stored)]


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, METERS[name].help, value)


def _gauges(name: str, values: Mapping[str, float]) -> Metric:
    meter = METERS[name]
    family = GaugeMetricFamily(name, meter.help, labels=meter.labels)
    for label, value in values.items():
        family.add_metric([label], value)
    return family
