"""/metrics: text that Prometheus reads, every metric of the catalogue, numbers that are true."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from api_caller import Api, step
from archive_makers import sample
from device_makers import announcement, gpu
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from backend.api.app import create_app
from backend.api.meters import METERS
from backend.contract.settings import Settings
from backend.database.tables import Outbox, Run

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(api: Api) -> Samples:
    response = api.client.get("/metrics", headers=api.person)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: Samples = {}
    for family in text_string_to_metric_families(response.text):
        for one in family.samples:
            key = (one.name, tuple(sorted(one.labels.items())))
            assert key not in found
            found[key] = one.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


def test_every_metric_is_in_the_catalogue_and_the_other_way_round(api: Api) -> None:
    api.create_run()
    claim = api.claim()
    assert claim is not None
    api.ingest(claim, [step(0, training__accuracy=0.5)])
    text = api.client.get("/metrics", headers=api.person).text
    shown: dict[str, Any] = {}
    for family in text_string_to_metric_families(text):
        # The parser takes the ending of counters away, and knows the time of their making as one.
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if not name.endswith("_created"):
            shown[name] = family
    assert set(shown) == set(METERS)
    for name, family in shown.items():
        meter = METERS[name]
        assert (family.type, family.documentation) == (meter.kind, meter.help)
        labels = {label for one in family.samples for label in one.labels} - {"le"}
        assert labels <= set(meter.labels)


def test_requests_are_counted_by_template(api: Api) -> None:
    run_id = api.create_run()["id"]
    for _ in range(3):
        api.get(f"runs/{run_id}")
    api.client.get("/api/v1/runs/00000000-0000-0000-0000-000000000001", headers=api.person)
    api.client.get("/made-up-by-a-client.txt")
    api.client.request("BREW", "/api/v1/runs")
    samples, route = read(api), "/api/v1/runs/{run_id}"
    name = "maye_http_requests_total"
    assert value(samples, name, method="GET", route=route, status="200") == 3
    assert value(samples, name, method="GET", route=route, status="404") == 1
    duration = "maye_http_request_duration_seconds"
    assert value(samples, f"{duration}_count", method="GET", route=route) == 4
    assert value(samples, f"{duration}_bucket", method="GET", route=route, le="+Inf") == 4
    text = repr(samples)
    # Nothing that a client can invent becomes a label.
    assert run_id not in text
    assert "made-up" not in text
    assert "BREW" not in text


def test_runs_queue_and_claims(api: Api) -> None:
    api.create_run("first")
    api.create_run("second")
    with api.platform.database.session_scope() as session:
        ago = datetime.now(UTC) - timedelta(seconds=100)
        session.execute(sa.update(Run).values(created_at=ago))
        session.execute(sa.update(Outbox).values(created_at=ago, published_at=None))
    samples = read(api)
    assert value(samples, "maye_runs", status="queued") == 2
    assert value(samples, "maye_runs", status="failed") == 0
    assert value(samples, "maye_queue_runs", device_kind="auto") == 2
    assert 100 <= value(samples, "maye_queue_oldest_seconds") < 200
    assert 100 <= value(samples, "maye_outbox_oldest_seconds") < 200
    assert value(samples, "maye_claim_wait_seconds_count") == 0
    claim = api.claim()
    assert claim is not None
    samples = read(api)
    assert value(samples, "maye_claim_wait_seconds_count") == 1
    assert 0 <= value(samples, "maye_claim_wait_seconds_sum") < 60
    assert value(samples, "maye_runs", status="starting") == 1
    assert value(samples, "maye_queue_runs", device_kind="auto") == 1


def test_rows_fences_and_leases(api: Api) -> None:
    api.create_run()
    claim = api.claim()
    assert claim is not None
    log = [{"fence": 1, "offset": 0, "text": "x"}]
    records = [step(0, training__accuracy=0.5), sample(0, 0), sample(0, 1)]
    assert api.ingest(claim, records, log).status_code == 200
    assert api.ingest({**claim, "fence": 9}, records).status_code == 409
    with api.platform.database.session_scope() as session:
        session.execute(sa.update(Run).values(lease_until=datetime(2020, 1, 1, tzinfo=UTC)))
    api.platform.relay._expire_from = 0.0
    api.platform.relay.sweep()
    samples = read(api)
    for kind, number in {"step": 1, "sample": 2, "log": 1}.items():
        assert value(samples, "maye_ingested_rows_total", kind=kind) == number
    assert value(samples, "maye_fences_rejected_total") == 1
    assert value(samples, "maye_leases_lost_total") == 1


def test_workers_and_gpus(api: Api) -> None:
    gpus = [gpu(0, "GPU-a"), gpu(1, "GPU-b")]
    api.create_run(device="cuda")
    assert api.work("announce", announcement("big", *gpus)).status_code == 200
    assert api.work("announce", announcement("small")).status_code == 200
    samples = read(api)
    assert value(samples, "maye_workers", state="ready") == 2
    assert value(samples, "maye_gpus", state="free") == 2
    claim = api.claim("big")
    assert claim is not None
    samples = read(api)
    assert value(samples, "maye_workers", state="busy") == 1
    assert value(samples, "maye_gpus", state="free") == 1
    assert value(samples, "maye_gpus", state="held") == 1


def test_the_disk_and_what_lies_on_it(api: Api) -> None:
    home = api.platform.settings.paths
    folder = home.root / "runs" / "x" / "checkpoints" / "y"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * 12345)
    samples = read(api)
    assert value(samples, "maye_stored_bytes", kind="checkpoints") == 12345
    assert value(samples, "maye_stored_bytes", kind="database") > 10_000
    assert value(samples, "maye_stored_bytes", kind="datasets") > 0
    assert value(samples, "maye_disk_bytes", state="free") > 0


def test_who_may_read_them(api: Api, tmp_path: Path) -> None:
    for headers in ({}, api.worker, {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        assert api.client.get("/metrics", headers=headers).status_code == 401
    settings = Settings(
        home=tmp_path / "other", relay_s=3600, metrics_token=SecretStr("for-prometheus")
    )
    with TestClient(create_app(settings)) as client:
        headers = {"Authorization": "Bearer for-prometheus"}
        assert client.get("/metrics", headers=headers).status_code == 200
        assert client.get("/api/v1/runs", headers=headers).status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_two_platforms_in_one_process_count_for_themselves(api: Api, tmp_path: Path) -> None:
    before = read(api)
    settings = Settings(home=tmp_path / "other", relay_s=3600)
    with TestClient(create_app(settings)) as client:
        for _ in range(5):
            client.get("/healthz")
    key = (
        "maye_http_requests_total",
        (("method", "GET"), ("route", "/healthz"), ("status", "200")),
    )
    assert key not in before
    assert key not in read(api)


@pytest.mark.parametrize("meter", METERS.values(), ids=lambda meter: meter.name)
def test_names_follow_the_conventions(meter: Any) -> None:
    assert meter.name.startswith("maye_")
    assert meter.name.endswith("_total") == (meter.kind == "counter")
    assert meter.help.endswith(".")
