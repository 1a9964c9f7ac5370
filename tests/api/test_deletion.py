"""Deleting runs and experiments: gone at once, nothing left behind, nothing else touched."""

import time
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from api_caller import NOW, Api, queue_run, step
from experiment_makers import answer, carry_out, complete_library, create

from backend.api.queue import Doorbell
from backend.api.relay import Relay
from backend.api.services import deletion
from backend.api.services.changes import collect_changes
from backend.api.services.runs import cancel_run
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Answer, Base, Deletion, Evaluation, MetricPoint
from tests.databases import KINDS

NUM_STEPS = 30


def history() -> list[dict[str, Any]]:
    """Something in every table that a run fills."""
    records: list[dict[str, Any]] = [
        step(i, policy__loss=i, training__accuracy=0.5) for i in range(1, NUM_STEPS)
    ]
    sample = {
        "type": "sample",
        "rl_step": 1,
        "index": 0,
        "item_id": "item-1",
        "split": "train",
        "response": "text",
        "num_response_tokens": 5,
        "is_truncated": False,
        "extracted_answer": None,
        "is_correct": True,
        "outcome_reward": 1.0,
        "reward_parts": {},
    }
    checkpoint = {
        "type": "checkpoint",
        "rl_step": 5,
        "name": "step-00000005.f1",
        "manifest_sha256": "d" * 64,
        "size_bytes": 123,
    }
    return [*records, sample, checkpoint, answer(5, "validation", 1, is_correct=True)]


def finish(api: Api, outcome: str = "succeeded") -> str:
    """A run with rows everywhere and files, which has ended."""
    claim = api.claim()
    assert claim is not None
    log = [{"fence": claim["fence"], "offset": 0, "text": "one\n"}]
    records = [
        {**record, "name": f"step-00000005.f{claim['fence']}"}
        if record["type"] == "checkpoint"
        else record
        for record in history()
    ]
    assert api.ingest(claim, records, log).status_code == 200
    assert api.end(claim, outcome).status_code == 200
    folder = api.platform.settings.paths.run(UUID(claim["run_id"])).checkpoints
    (folder / f"step-00000005.f{claim['fence']}").mkdir(parents=True)
    return claim["run_id"]


def delete(api: Api, path: str) -> Any:
    return api.client.delete(f"/api/v1/{path}", headers=api.person)


def count_rows(database: Database) -> dict[str, dict[str, int]]:
    """Run to table to its rows; answers by the run of their evaluation."""
    found: dict[str, dict[str, int]] = {}
    with database.read_scope() as session:
        for table in Base.metadata.sorted_tables:
            if "run_id" in table.c and table.name != "deletions":
                column, source = table.c.run_id, table
            elif table.name == "answers":
                column = Evaluation.__table__.c.run_id
                source = table.join(Evaluation.__table__)
            else:
                continue
            query = sa.select(column, sa.func.count()).select_from(source).group_by(column)
            for run_id, num_rows in session.execute(query):
                found.setdefault(str(run_id), {})[table.name] = num_rows
        answers = session.scalar(sa.select(sa.func.count()).select_from(Answer))
    assert answers == sum(rows.get("answers", 0) for rows in found.values())
    return found


def wait_until_removed(database: Database) -> None:
    deadline = time.monotonic() + 30
    while True:
        with database.read_scope() as session:
            if not deletion.list_unfinished(session):
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_deleted_run_is_gone_at_once_and_leaves_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "ROWS_AT_ONCE", dict.fromkeys(KINDS, 7))
    api.create_run("kept")
    kept = finish(api)
    api.create_run("deleted")
    run_id = finish(api)
    database, home = api.platform.database, api.platform.settings.paths
    before = count_rows(database)
    assert before[run_id] == before[kept]
    assert set(before[run_id]) == {
        *("run_events", "outbox", "rl_steps", "metric_points", "samples"),
        *("log_chunks", "checkpoints", "evaluations", "answers"),
    }
    position = api.platform.changefeed.read()
    assert delete(api, f"runs/{run_id}").status_code == 204
    assert [run["id"] for run in api.get("runs")["runs"]] == [kept]
    for path in ("", "/events", "/metrics", "/log", "/samples", "/checkpoints"):
        shown = api.client.get(f"/api/v1/runs/{run_id}{path}", headers=api.person)
        assert (shown.status_code, shown.json()["code"]) == (404, "not_found")
    assert delete(api, f"runs/{run_id}").status_code == 404
    with database.read_scope() as session:
        (told,) = collect_changes(session, position, frozenset(), now=NOW).changes
        assert (told.event, told.data) == ("deleted", f'{{"run_id": "{run_id}"}}')
        others = collect_changes(session, position, frozenset([UUID(kept)]), now=NOW)
        assert others.changes == []
    wait_until_removed(database)
    assert count_rows(database) == {kept: before[kept]}
    assert not home.run(UUID(run_id)).root.exists()
    assert home.run(UUID(kept)).checkpoints.exists()


@pytest.mark.parametrize("state", ["queued", "starting", "running", "cancelling"])
def test_a_run_that_has_not_ended_must_be_cancelled_first(api: Api, state: str) -> None:
    run = api.create_run("busy")
    if state != "queued":
        claim = api.claim()
        assert claim is not None
        if state != "starting":
            api.beat(claim)
        if state == "cancelling":
            api.post(f"runs/{run['id']}/cancel")
    answered = delete(api, f"runs/{run['id']}")
    assert (answered.status_code, answered.json()["code"]) == (409, "illegal_transition")
    assert f"'busy' is {state}" in answered.json()["detail"]
    assert "cancel it first" in answered.json()["detail"]
    assert api.get(f"runs/{run['id']}")["status"] == state


def test_a_run_whose_checkpoint_is_being_evaluated_stays_until_that_has_ended(api: Api) -> None:
    complete_library(api)
    api.create_run("trained")
    run_id = finish(api)
    config = {"model": "tiny", "dataset": "shapes", "splits": ["validation"]}
    body = {"config": {**config, "checkpoint": {"run": run_id, "rl_step": 5}}}
    evaluation = api.post("evaluations", body).json()
    answered = delete(api, f"runs/{run_id}")
    assert (answered.status_code, answered.json()["code"]) == (409, "conflict")
    assert evaluation["id"] in answered.json()["detail"]
    api.post(f"runs/{evaluation['id']}/cancel")
    assert delete(api, f"runs/{run_id}").status_code == 204
    assert api.get(f"runs/{evaluation['id']}")["status"] == "cancelled"


def test_a_run_of_an_experiment_is_not_deleted_alone(api: Api) -> None:
    complete_library(api)
    experiment = create(api, seeds=[0])
    run_id = carry_out(api, [])
    answered = delete(api, f"runs/{run_id}")
    assert (answered.status_code, answered.json()["code"]) == (409, "conflict")
    assert "'Shapes'" in answered.json()["detail"]
    assert experiment["id"] in answered.json()["detail"]


def test_an_experiment_takes_its_own_runs_along_when_all_have_ended(api: Api) -> None:
    complete_library(api)
    first = create(api, seeds=[0])
    vanilla = carry_out(api, [])
    second = create(api, name="Second", seeds=[1])
    assert second["cells"][0]["run"]["id"] == vanilla
    path = f"experiments/{first['id']}?with_runs=true"
    answered = delete(api, path)
    assert (answered.status_code, answered.json()["code"]) == (409, "illegal_transition")
    assert len(api.get(f"experiments/{first['id']}")["cells"]) == 3
    assert len(api.get("runs")["runs"]) == 5
    api.post(f"experiments/{first['id']}/cancel")
    assert delete(api, path).status_code == 204
    assert delete(api, path).status_code == 404
    rest = {cell["run"]["id"] for cell in second["cells"]}
    assert {run["id"] for run in api.get("runs")["runs"]} == rest
    assert api.get(f"experiments/{second['id']}/report")["name"] == "Second"
    wait_until_removed(api.platform.database)
    assert delete(api, f"experiments/{second['id']}").status_code == 204
    assert {run["id"] for run in api.get("runs")["runs"]} == rest


def test_the_relay_finishes_what_a_crash_has_left_and_what_cannot_be_removed_stops_nobody(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "ROWS_AT_ONCE", dict.fromkeys(KINDS, 10))
    with database.session_scope() as session:
        stuck, run_id = queue_run(session, "stuck"), queue_run(session, "deleted")
        for one in (stuck, run_id):
            cancel_run(session, one, now=NOW)
        for i in range(25):
            point = {"run_id": run_id, "key": "policy/loss", "rl_step": i, "fence": 1, "seq": 1}
            session.add(MetricPoint(**point, value=1.0))
    elsewhere = settings.home / "elsewhere"
    elsewhere.mkdir()
    folder = settings.paths.run(stuck).root
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    with database.session_scope() as session:
        deletion.delete_run(session, stuck, now=NOW)
        deletion.delete_run(session, run_id, now=NOW)
    with database.session_scope() as session:
        assert deletion.remove_rows(session, run_id) == 10
    # Here the process dies; the next one has a relay of its own.
    doorbell = Doorbell("")
    relay = Relay(database, doorbell, settings)
    for _ in range(3):
        relay.sweep()
    doorbell.close()
    with database.read_scope() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(MetricPoint)) == 0
        left = session.scalars(sa.select(Deletion.run_id).where(Deletion.finished_at.is_(None)))
        assert left.all() == [stuck]
    assert elsewhere.is_dir()


def test_every_table_that_names_a_run_is_thought_of() -> None:
    known = {table.__tablename__ for table in (*deletion.REFERRING, *deletion.LOGGED)}
    # Evaluations go after their answers, cells with their experiment, and deletions stay.
    known |= {"evaluations", "experiment_cells", "deletions"}
    naming = {table.name for table in Base.metadata.sorted_tables if "run_id" in table.c}
    assert naming == known
