"""Claim, fence, lease, requeue: who may work on a run, by a clock that the tests hold."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa
from api_caller import NOW, queue_run
from sqlalchemy.orm import Session

from backend.api.services.ingest import ingest
from backend.api.services.leases import (
    LeaseRules,
    claim_run,
    end_attempt,
    expire_leases,
    renew_lease,
)
from backend.api.services.run_views import load_run
from backend.api.services.runs import cancel_run, list_events
from backend.contract.errors import NotFoundError, StaleFenceError
from backend.contract.messages import (
    AttemptEnd,
    CheckpointRecord,
    Claim,
    ClaimRequest,
    Heartbeat,
    IngestBatch,
    Outcome,
)
from backend.database.session import Database
from backend.database.tables import Outbox

RULES = LeaseRules(lease_s=30, max_attempts_without_progress=3)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def claim(
    session: Session, worker: str = "host", slots: int = 1, now: datetime = NOW
) -> Claim | None:
    return claim_run(session, ClaimRequest(worker=worker, slots=slots), RULES, now=now)


def take(session: Session, now: datetime = NOW) -> Claim:
    claimed = claim(session, slots=100, now=now)
    assert claimed is not None
    return claimed


def save_checkpoint(session: Session, claimed: Claim, rl_step: int) -> None:
    record = CheckpointRecord(
        rl_step=rl_step,
        name=f"step-{rl_step:08d}.f{claimed.fence}",
        manifest_sha256="c" * 64,
        size_bytes=10,
    )
    batch = IngestBatch(fence=claimed.fence, records=[record])
    ingest(session, claimed.run_id, batch, now=NOW)


def test_the_oldest_queued_run_is_handed_out_while_the_worker_has_a_slot(
    database: Database,
) -> None:
    with database.session_scope() as session:
        first, second, third = (queue_run(session, name) for name in "abc")
        claims = [claim(session, slots=2) for _ in range(3)]
        assert [found.run_id if found else None for found in claims] == [first, second, None]
        other = claim(session, worker="other")
        assert other is not None
        assert other.run_id == third
        assert claim(session, worker="idle") is None


def test_a_worker_whose_leases_ran_out_has_free_slots(database: Database) -> None:
    with database.session_scope() as session:
        queue_run(session)
        queue_run(session)
        assert claim(session) is not None
        assert claim(session, now=later(29)) is None
        assert claim(session, now=later(31)) is not None


def test_a_heartbeat_renews_the_lease_and_starts_the_run(database: Database) -> None:
    with database.session_scope() as session:
        run_id = queue_run(session)
        claimed = take(session)
        for seconds in (20, 40, 60):
            beat = Heartbeat(fence=claimed.fence, is_training=seconds > 20, phase="step 1")
            renew_lease(session, run_id, beat, RULES, now=later(seconds))
            assert expire_leases(session, RULES, now=later(seconds + 29)) == 0
        assert load_run(session, run_id).status == "running"
        assert load_run(session, run_id).phase == "step 1"


def test_a_silent_runner_loses_its_run_and_every_later_word_of_it_is_refused(
    database: Database,
) -> None:
    with database.session_scope() as session:
        run_id = queue_run(session)
        old = take(session)
        assert expire_leases(session, RULES, now=later(31)) == 1
        run = load_run(session, run_id)
        assert (run.status, run.owner) == ("queued", None)
        event = list_events(session, run_id)[-1]
        assert event.actor == "reconciler"
        assert event.reason == "runner lost: no heartbeat for 31 s"
        new = take(session, later(32))
        assert new.fence == old.fence + 1
        beat = Heartbeat(fence=old.fence, is_training=True)
        with pytest.raises(StaleFenceError):
            renew_lease(session, run_id, beat, RULES, now=later(33))
        with pytest.raises(StaleFenceError):
            ingest(session, run_id, IngestBatch(fence=old.fence), now=later(33))
        end = AttemptEnd(fence=old.fence, outcome=Outcome.SUCCEEDED)
        with pytest.raises(StaleFenceError):
            end_attempt(session, run_id, end, RULES, now=later(33))
        assert load_run(session, run_id).status == "starting"


def test_a_runner_without_run_is_told_so(database: Database) -> None:
    with database.session_scope() as session:
        beat = Heartbeat(fence=1, is_training=False)
        with pytest.raises(NotFoundError):
            renew_lease(session, uuid4(), beat, RULES, now=NOW)


def test_the_end_of_an_attempt_is_heard_once(database: Database) -> None:
    with database.session_scope() as session:
        run_id = queue_run(session)
        claimed = take(session)
        lost = AttemptEnd(fence=claimed.fence, outcome=Outcome.LOST, reason="killed by signal 9")
        for _ in range(3):
            end_attempt(session, run_id, lost, RULES, now=later(1))
        run = load_run(session, run_id)
        assert (run.status, run.attempts_without_progress) == ("queued", 1)
        assert run.reason == "killed by signal 9"


def test_lost_attempts_without_a_checkpoint_fail_the_run_and_a_checkpoint_starts_the_count_anew(
    database: Database,
) -> None:
    with database.session_scope() as session:
        run_id = queue_run(session)
        for _ in range(2):
            take(session)
            expire_leases(session, RULES, now=later(31))
        claimed = take(session)
        save_checkpoint(session, claimed, 10)
        expire_leases(session, RULES, now=later(31))
        assert load_run(session, run_id).attempts_without_progress == 0
        for _ in range(3):
            assert load_run(session, run_id).status == "queued"
            take(session)
            expire_leases(session, RULES, now=later(31))
        run = load_run(session, run_id)
        assert (run.status, run.error_code) == ("failed", "runner_lost")
        assert run.reason is not None
        assert run.reason.startswith("3 attempts in a row were lost without a new checkpoint")
        assert run.finished_at is not None


def test_a_run_being_cancelled_is_cancelled_when_its_runner_is_lost(database: Database) -> None:
    with database.session_scope() as session:
        for is_told in (True, False):
            run_id = queue_run(session)
            claimed = take(session)
            cancel_run(session, run_id, now=NOW)
            if is_told:
                lost = AttemptEnd(fence=claimed.fence, outcome=Outcome.LOST)
                end_attempt(session, run_id, lost, RULES, now=NOW)
            else:
                expire_leases(session, RULES, now=later(31))
            assert load_run(session, run_id).status == "cancelled"


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED])
@pytest.mark.parametrize("state", ["starting", "running", "cancelling"])
def test_every_outcome_ends_a_run_in_every_owned_state(
    database: Database, outcome: Outcome, state: str
) -> None:
    with database.session_scope() as session:
        run_id = queue_run(session)
        claimed = take(session)
        if state != "starting":
            beat = Heartbeat(fence=claimed.fence, is_training=True)
            renew_lease(session, run_id, beat, RULES, now=NOW)
        if state == "cancelling":
            cancel_run(session, run_id, now=NOW)
        end = AttemptEnd(fence=claimed.fence, outcome=outcome)
        end_attempt(session, run_id, end, RULES, now=NOW)
        assert load_run(session, run_id).status == outcome.value


def test_a_doorbell_is_promised_in_the_transaction_that_makes_or_frees_work(
    database: Database,
) -> None:
    def count(session: Session) -> int:
        return session.scalar(sa.select(sa.func.count()).select_from(Outbox)) or 0

    with database.session_scope() as session:
        run_id = queue_run(session)
        assert count(session) == 1
        claimed = take(session)
        assert count(session) == 1
        lost = AttemptEnd(fence=claimed.fence, outcome=Outcome.LOST)
        end_attempt(session, run_id, lost, RULES, now=NOW)
        assert count(session) == 2
        claimed = take(session)
        won = AttemptEnd(fence=claimed.fence, outcome=Outcome.SUCCEEDED)
        end_attempt(session, run_id, won, RULES, now=NOW)
        assert count(session) == 3
