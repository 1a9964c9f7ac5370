"""Many workers and readers at the same time: no run twice, no lock for ever, no change unseen."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa
from api_caller import NOW, SMALL, Api, queue_run
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backend.api.app import create_app
from backend.api.services.changes import collect_changes
from backend.api.services.ingest import ingest
from backend.api.services.leases import LeaseRules, claim_run, end_attempt, renew_lease
from backend.api.services.runs import cancel_run
from backend.contract.errors import IllegalTransitionError
from backend.contract.messages import (
    AttemptEnd,
    Claim,
    ClaimRequest,
    Heartbeat,
    IngestBatch,
    Outcome,
    StepRecord,
)
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import MetricPoint, Run, RunEvent

RULES = LeaseRules(lease_s=3600, max_attempts_without_progress=3)
NUM_WORKERS, NUM_CANCELLED = 8, 20
# SQLite lets one write at a time: there is less to find, and as much to wait for.
NUM_RUNS = {"postgresql": 500, "sqlite": 100}


def step(rl_step: int, **metrics: float) -> StepRecord:
    return StepRecord(
        rl_step=rl_step,
        epoch=0.0,
        samples=1,
        tokens=1,
        seconds=1.0,
        logged_at=NOW,
        metrics={f"policy/{name}": value for name, value in metrics.items()},
    )


def carry_out(database: Database, claimed: Claim) -> None:
    """Beat, log and end, each in a transaction of its own, as a runner does."""
    with database.session_scope() as session:
        beat = Heartbeat(fence=claimed.fence, is_training=True, phase="learning")
        renew_lease(session, claimed.run_id, beat, RULES, now=NOW)
    with database.session_scope() as session:
        batch = IngestBatch(fence=claimed.fence, records=[step(i, loss=i) for i in range(3)])
        ingest(session, claimed.run_id, batch, now=NOW)
    with database.session_scope() as session:
        outcome = Outcome.LOST if claimed.fence == 1 and claimed.run_id.int % 10 == 0 else None
        end = AttemptEnd(fence=claimed.fence, outcome=outcome or Outcome.SUCCEEDED)
        end_attempt(session, claimed.run_id, end, RULES, now=NOW)


def test_many_workers_at_once_get_every_run_once_and_none_waits_for_ever(
    database: Database,
) -> None:
    num_runs = NUM_RUNS[database.engine.dialect.name]
    with database.session_scope() as session:
        run_ids = [queue_run(session, f"run {i}") for i in range(num_runs)]
    claims: list[tuple[UUID, int]] = []

    def work(name: str) -> None:
        while True:
            with database.session_scope() as session:
                request = ClaimRequest(worker=name, slots=1)
                claimed = claim_run(session, request, RULES, now=datetime.now(UTC))
            if claimed is None:
                return
            claims.append((claimed.run_id, claimed.fence))
            carry_out(database, claimed)

    def cancel_some() -> None:
        for run_id in run_ids[:-NUM_CANCELLED:-1]:
            # One that has ended meanwhile is refused, which is right.
            with suppress(IllegalTransitionError), database.session_scope() as session:
                cancel_run(session, run_id, now=NOW)

    with ThreadPoolExecutor(NUM_WORKERS + 1) as pool:
        working = [pool.submit(work, f"worker-{i}") for i in range(NUM_WORKERS)]
        working.append(pool.submit(cancel_some))
        for done in working:
            done.result(timeout=200)
    # A worker that found the queue empty may have left before a lost run came back.
    work("last")
    assert len(claims) == len(set(claims))
    with database.read_scope() as session:
        statuses = dict(session.execute(sa.select(Run.id, Run.status)).all())
        assert set(statuses.values()) == {"succeeded", "cancelled"}
        assert {run_id for run_id, _ in claims} >= {
            run_id for run_id, status in statuses.items() if status == "succeeded"
        }
        counts = sa.select(sa.func.count(), sa.func.max(RunEvent.sequence)).group_by(
            RunEvent.run_id
        )
        assert all(count == newest for count, newest in session.execute(counts))


def test_a_reader_that_follows_the_counter_sees_every_point_once(database: Database) -> None:
    with database.session_scope() as session:
        for i in range(4):
            queue_run(session, f"run {i}")
        claims = [
            claim_run(session, ClaimRequest(worker=f"w{i}", slots=1), RULES, now=NOW)
            for i in range(4)
        ]
    is_over = threading.Event()

    def write(claimed: Claim) -> None:
        for i in range(40):
            with database.session_scope() as session:
                records = [step(i, loss=i, kl=i, entropy=i)]
                ingest(session, claimed.run_id, IngestBatch(fence=1, records=records), now=NOW)

    def read() -> tuple[list[int], int]:
        seen, position = [], 0
        while True:
            is_last = is_over.is_set()
            with database.read_scope() as session:
                found = collect_changes(session, position, frozenset(), now=NOW)
            seen += [change.seq for change in found.changes if change.event == "metrics"]
            position = found.last
            if is_last:
                return [seq for seq in seen if seq is not None], position

    with ThreadPoolExecutor(5) as pool:
        reading = pool.submit(read)
        writing = [pool.submit(write, claimed) for claimed in claims if claimed is not None]
        for done in writing:
            done.result(timeout=60)
        is_over.set()
        seen, position = reading.result(timeout=60)
    with database.read_scope() as session:
        stored = session.scalars(sa.select(MetricPoint.seq).distinct()).all()
        points = session.scalar(sa.select(sa.func.count()).select_from(MetricPoint))
    assert (len(writing), points) == (4, 4 * 40 * 3)
    assert seen == sorted(stored)
    assert max(seen) <= position


def test_repeated_requests_at_the_same_moment_make_one_run(api: Api) -> None:
    """Fifty repetitions of a request with a key are one run, and fifty equal answers."""
    key = {"Idempotency-Key": "storm"}
    with ThreadPoolExecutor(16) as pool:
        bodies = [{"name": "once", "config": SMALL}] * 50
        answers = list(pool.map(lambda body: api.post("runs", body, key), bodies))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(api.get("runs")["runs"]) == 1


@pytest.fixture
def hurried(settings: Settings) -> FastAPI:
    """A platform that waits for next to nothing."""
    limits = {
        "database_statement_timeout_s": 0.3,
        "database_pool_size": 2,
        "database_pool_timeout_s": 0.2,
    }
    return create_app(settings.model_copy(update=limits))


def check_refusal(app: FastAPI, cause: Callable[[Database, ExitStack], None], code: str) -> None:
    with TestClient(app) as client, ExitStack() as held:
        platform = app.state.platform
        cause(platform.database, held)
        person = {"Authorization": f"Bearer {platform.tokens.admin}"}
        answer = client.get("/api/v1/runs", headers=person)
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["code"] == code


def test_no_free_connection_is_a_problem_that_says_when_to_come_again(hurried: FastAPI) -> None:
    def hold_all(database: Database, held: ExitStack) -> None:
        for _ in range(2):
            held.enter_context(database.read_scope()).execute(sa.select(1))

    check_refusal(hurried, hold_all, "unavailable")


def test_a_statement_that_takes_too_long_is_a_problem_of_its_own(hurried: FastAPI) -> None:
    def slow_down(database: Database, held: ExitStack) -> None:
        """Put a list in the place of runs that takes for ever to read."""
        with database.engine.execution_options(maye_is_write=True).begin() as connection:
            connection.execute(sa.text("ALTER TABLE runs RENAME TO kept"))
            connection.execute(
                sa.text(
                    "CREATE VIEW runs AS WITH RECURSIVE numbers(n) AS "
                    "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers) "
                    "SELECT kept.* FROM numbers CROSS JOIN kept WHERE n < 0"
                )
            )
        del held

    check_refusal(hurried, slow_down, "database_timeout")
