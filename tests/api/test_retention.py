"""Retention on a platform: what goes, what never goes, what is told, and a disk that is full."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from api_caller import Api, step
from archive_makers import answer, put_real_picture, sample
from device_makers import announcement

from backend.api.janitor import Janitor
from backend.api.services import retention
from backend.contract.settings import Settings
from backend.database.tables import Run, Sample

MIB = 2**20


def settings_of(api: Api, **changes: Any) -> Settings:
    return api.platform.settings.model_copy(update=changes)


def look(api: Api, **changes: Any) -> None:
    """One round of a janitor with other settings."""
    Janitor(api.platform.database, api.platform.storage, settings_of(api, **changes)).look()


def finish(
    api: Api, *steps: int, name: str = "run", ago_days: float = 1, outcome: str | None = "failed"
) -> str:
    """A run with checkpoints of 1 MiB on disk; it ended some days ago, or goes on."""
    api.create_run(name)
    claim = api.claim(name.replace(" ", "-"))
    assert claim is not None
    api.beat(claim)
    run_id = claim["run_id"]
    folder = api.platform.settings.paths.run(UUID(run_id)).checkpoints
    for rl_step in steps:
        record = {
            "type": "checkpoint",
            "rl_step": rl_step,
            "name": f"step-{rl_step:08d}.f1",
            "manifest_sha256": "c" * 64,
            "size_bytes": MIB,
        }
        assert api.ingest(claim, [step(rl_step, training__accuracy=0.5), record]).status_code == 200
        path = folder / record["name"]
        path.mkdir(parents=True)
        (path / "weights.safetensors").write_bytes(b"x" * (MIB - 2))
        (path / "manifest.json").write_text("{}")
    if outcome is not None:
        assert api.end(claim, outcome).status_code == 200
        with api.platform.database.session_scope() as session:
            ended_at = datetime.now(UTC) - timedelta(days=ago_days)
            session.execute(
                sa.update(Run).where(Run.id == UUID(run_id)).values(finished_at=ended_at)
            )
    return run_id


def kept(api: Api, run_id: str) -> list[int]:
    listed = api.get(f"runs/{run_id}/checkpoints")
    steps = sorted(one["rl_step"] for one in listed if one["is_kept"])
    folder = api.platform.settings.paths.run(UUID(run_id)).checkpoints
    on_disk = sorted(int(path.name[5:13]) for path in folder.iterdir())
    assert on_disk == steps
    return steps


def told(api: Api, run_id: str) -> list[str]:
    return [
        event["reason"]
        for event in api.get(f"runs/{run_id}/events")
        if event["actor"] == retention.ACTOR
    ]


def test_nothing_goes_by_default(api: Api) -> None:
    run_id = finish(api, 1, 2, 3, ago_days=1000)
    look(api)
    assert kept(api, run_id) == [1, 2, 3]
    assert told(api, run_id) == []


def test_the_quota_takes_the_oldest_and_each_removal_is_told(api: Api) -> None:
    old = finish(api, 1, 2, 3, name="old", ago_days=9)
    new = finish(api, 1, 2, name="new", ago_days=2)
    going_on = finish(api, 1, 2, name="going on", outcome=None)
    look(api, checkpoint_quota_bytes=5 * MIB)
    assert kept(api, old) == [3]
    assert kept(api, new) == [1, 2]
    assert kept(api, going_on) == [1, 2]
    events = api.get(f"runs/{old}/events")[-2:]
    assert [event["reason"].partition(":")[0] for event in events] == [
        "checkpoint of step 1 removed by retention",
        "checkpoint of step 2 removed by retention",
    ]
    assert {(e["actor"], e["from_status"], e["to_status"]) for e in events} == {
        ("retention", "failed", "failed")
    }
    # The list still knows them, as not kept.
    assert [c["is_kept"] for c in api.get(f"runs/{old}/checkpoints")] == [True, False, False]
    # Nothing more happens.
    num_events = len(api.get(f"runs/{old}/events"))
    look(api, checkpoint_quota_bytes=5 * MIB)
    assert len(api.get(f"runs/{old}/events")) == num_events


def test_last_and_best_of_young_runs_and_of_running_ones_stay(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = finish(api, 1, 2, ago_days=2)
    going_on = finish(api, 1, 2, name="going on", outcome=None)
    look(api, checkpoint_quota_bytes=1)
    assert kept(api, run_id) == [2]
    assert kept(api, going_on) == [1, 2]
    assert retention.OVER_QUOTA in caplog.text
    # A resumed run is a running one.
    assert api.post(f"runs/{run_id}/resume", {}).status_code == 202
    look(api, checkpoint_quota_bytes=1, keep_best_days=0.0, keep_checkpoints_days=0.001)
    assert kept(api, run_id) == [2]


def test_what_a_waiting_evaluation_reads_stays(api: Api) -> None:
    put_real_picture(api)
    run_id = finish(api, 1, 2, 3, ago_days=90)
    wish = {
        "model": "tiny",
        "dataset": "shapes",
        "splits": ["validation"],
        "checkpoint": {"run": run_id, "rl_step": 2},
    }
    response = api.post("evaluations", {"config": wish})
    assert response.status_code == 201, response.text
    look(api, keep_checkpoints_days=30.0)
    assert kept(api, run_id) == [2]
    assert api.post(f"runs/{response.json()['id']}/cancel").status_code == 202
    look(api, keep_checkpoints_days=30.0)
    assert kept(api, run_id) == []


def test_what_has_come_to_be_needed_since_the_plan_stays(api: Api) -> None:
    put_real_picture(api)
    run_id = finish(api, 1, 2, ago_days=90)
    database, settings = api.platform.database, settings_of(api, keep_checkpoints_days=30.0)
    now = datetime.now(UTC)
    with database.read_scope() as session:
        first, second = retention.look_ahead(session, settings, 2 * MIB, now).due
    wish = {"model": "tiny", "dataset": "shapes", "splits": ["validation"]}
    wish["checkpoint"] = {"run": run_id, "rl_step": first.checkpoint.rl_step}  # pyright: ignore
    assert api.post("evaluations", {"config": wish}).status_code == 201
    assert not retention.remove_checkpoint(database, settings.paths, first, now=now)
    assert api.post(f"runs/{run_id}/resume", {}).status_code == 202
    assert not retention.remove_checkpoint(database, settings.paths, second, now=now)
    assert kept(api, run_id) == [1, 2]


def test_a_warning_comes_before(api: Api) -> None:
    run_id = finish(api, 1, 2, ago_days=28)
    for _ in range(2):
        look(api, keep_checkpoints_days=30.0)
    assert kept(api, run_id) == [1, 2]
    warnings = told(api, run_id)
    assert len(warnings) == 2
    assert all("will be removed by retention soon" in text for text in warnings)


def test_what_goes_next_is_shown(api: Api) -> None:
    run_id = finish(api, 1, 2, ago_days=28)
    shown = api.get("storage")
    assert shown["disk"]["state"] == "ok"
    assert shown["stored_bytes"]["checkpoints"] == 2 * MIB
    assert (shown["checkpoint_quota_bytes"], shown["removals"], shown["warnings"]) == (None, [], [])
    changes = settings_of(api, checkpoint_quota_bytes=int(1.5 * MIB), keep_checkpoints_days=30.0)
    object.__setattr__(api.platform, "settings", changes)
    shown = api.get("storage")
    first, second = shown["removals"]
    assert (first["run_id"], first["rl_step"], first["is_due"]) == (run_id, 1, True)
    assert (second["rl_step"], second["is_due"], second["size_bytes"]) == (2, False, MIB)


def test_an_interrupted_removal_is_finished(api: Api) -> None:
    run_id = finish(api, 1, 2, ago_days=2)
    folder = api.platform.settings.paths.run(UUID(run_id)).checkpoints
    (folder / "step-00000001.f1").rename(folder / f"{retention.ASIDE}step-00000001.f1")
    look(api, checkpoint_quota_bytes=MIB * 100)
    assert [path.name for path in folder.iterdir()] == ["step-00000002.f1"]


def test_a_removal_that_cannot_be_told_does_not_happen(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = finish(api, 1, 2, ago_days=90)

    def break_after_the_rename(*paths: Path) -> Any:
        raise OSError("the disk broke")

    monkeypatch.setattr(Path, "rename", break_after_the_rename)
    with pytest.raises(OSError, match="the disk broke"):
        look(api, keep_checkpoints_days=30.0)
    monkeypatch.undo()
    assert kept(api, run_id) == [1, 2]
    assert told(api, run_id) == []


def test_responses_and_traces_go_by_age_and_answers_stay(api: Api) -> None:
    put_real_picture(api)
    old, new = finish(api, 1, name="old", ago_days=40), finish(api, 1, name="new", ago_days=20)
    for run_id in (old, new):
        with api.platform.database.session_scope() as session:
            run = session.get_one(Run, UUID(run_id))
            ended_at, run.status, run.owner = run.finished_at, "running", "w"
        claim = {"run_id": run_id, "fence": 1}
        records = [*(sample(n, i) for n in range(3) for i in (0, 1)), answer(1, 0)]
        assert api.ingest(claim, records).status_code == 200
        with api.platform.database.session_scope() as session:
            run = session.get_one(Run, UUID(run_id))
            run.status, run.finished_at = "failed", ended_at
        traces = api.platform.settings.paths.run(UUID(run_id)).traces
        traces.mkdir()
        (traces / "step-00000001.f1.safetensors").write_bytes(b"")
    for _ in range(2):
        look(api, keep_samples_days=30.0)
    assert api.get(f"runs/{old}/samples")["rl_steps"] == []
    assert api.get(f"runs/{new}/samples")["rl_steps"] == [0, 1, 2]
    assert not api.platform.settings.paths.run(UUID(old)).traces.exists()
    assert api.platform.settings.paths.run(UUID(new)).traces.exists()
    assert len(api.get("evaluations", run=old)) == 1
    assert any("responses and traced steps removed" in text for text in told(api, old))
    assert told(api, new) == []
    with api.platform.database.read_scope() as session:
        of_old = sa.select(sa.func.count()).where(Sample.run_id == UUID(old))
        assert session.scalar(of_old) == 0


@pytest.fixture
def full(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with a gibibyte left."""
    usage = shutil._ntuple_diskusage(100 * 2**30, 99 * 2**30, 2**30)  # pyright: ignore
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def test_no_run_starts_on_a_full_disk(
    api: Api, full: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = api.create_run()["id"]
    assert api.work("announce", announcement("host")).status_code == 200
    assert api.claim() is None
    ready = api.client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    full_disk = "the disk of MAYE_HOME is full: 1.0 GiB are free, at least 2.0 GiB must be"
    assert ready.json()["disk"] == f"full: {full_disk}"
    for _ in range(2):
        look(api)
    (event,) = [e for e in api.get(f"runs/{run_id}/events") if e["actor"] == "disk"]
    assert full_disk in event["reason"]
    assert full_disk in caplog.text
    assert api.get("storage")["warnings"] == [full_disk]
    monkeypatch.undo()
    assert api.client.get("/readyz").json()["disk"] == "ok"
    assert api.claim() is not None


def test_a_disk_that_fills_up_is_said_before(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(100 * 2**30, 97 * 2**30, 3 * 2**30)  # pyright: ignore
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    api.create_run()
    ready = api.client.get("/readyz").json()
    assert ready["status"] == "ok"
    assert ready["disk"].startswith("low: the disk of MAYE_HOME is nearly full: 3.0 GiB are free")
    assert api.claim() is not None
    assert json.dumps(api.get("storage")["warnings"])[2:].startswith("the disk of MAYE_HOME")
