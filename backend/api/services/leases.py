"""Who may work on a run: claim, heartbeat, end, and leases that ran out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.capacity import lock_queue
from backend.api.services.run_states import OWNED, change_status
from backend.api.services.run_views import lock_run, refuse_imported
from backend.api.services.texts import clean_optional, clean_text
from backend.api.services.workers import find_work
from backend.contract.config import parse_config
from backend.contract.errors import StaleFenceError
from backend.contract.messages import (
    AttemptEnd,
    Claim,
    ClaimRequest,
    Heartbeat,
    HeartbeatReply,
    Outcome,
)
from backend.contract.runs import RunStatus
from backend.database.columns import upsert
from backend.database.session import STREAM_COUNTER, raise_counter
from backend.database.tables import Checkpoint, Run, Worker

RECONCILER = "reconciler"
TOO_MANY_LOST = "runner_lost"
"""Error code of a run that lost too many attempts in a row."""


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """What decides over leases."""

    lease_s: float
    """How long a claim holds without a heartbeat."""
    max_attempts_without_progress: int
    """Lost attempts in a row after which a run fails."""


def claim_run(
    session: Session, request: ClaimRequest, rules: LeaseRules, *, now: datetime
) -> Claim | None:
    """Hand a worker the first queued run that fits what it has free, and the GPUs to hold."""
    worker = {"name": request.worker, "slots": request.slots, "last_seen_at": now}
    upsert(session, Worker, [worker], changed_by=("last_seen_at", "slots"))
    if find_work(session, request.worker, now=now) is None:
        return None
    lock_queue(session)
    # What was found may have been handed out, or its GPU, before the queue was ours alone.
    found = find_work(session, request.worker, now=now)
    if found is None:
        return None
    waiting, placement = found
    run = session.scalars(
        sa.select(Run)
        .where(Run.number == waiting.number, Run.status == RunStatus.QUEUED)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    run.fence += 1
    run.attempt += 1
    change_status(session, run, RunStatus.STARTING, actor=request.worker, now=now, reason=None)
    run.owner = request.worker
    run.held_devices = list(placement.gpus) or None
    run.lease_until = now + timedelta(seconds=rules.lease_s)
    run.heartbeat_at = now
    run.started_at = run.started_at or now
    config = parse_config(run.config)
    return Claim(
        run_id=run.id,
        fence=run.fence,
        lease_s=rules.lease_s,
        config=config,
        gpus=placement.gpus,
        force_resume=run.force_resume,
    )


def load_owned(session: Session, run_id: UUID, fence: int) -> Run:
    """The run of a sender that still owns it.

    Raises:
        NotFoundError: there is no such run.
        RunImportedError: it was opened from an archive.
        StaleFenceError: somebody else has claimed it, or it is not being worked on.
    """
    run = lock_run(session, run_id)
    refuse_imported(run, "worked on")
    if run.fence != fence:
        raise StaleFenceError(f"fence {fence} is not the run's current one: it was claimed anew")
    if not RunStatus(run.status).is_owned:
        raise StaleFenceError(f"the attempt with fence {fence} is over: the run is {run.status}")
    return run


def renew_lease(
    session: Session, run_id: UUID, beat: Heartbeat, rules: LeaseRules, *, now: datetime
) -> HeartbeatReply:
    """Take a heartbeat: renew the lease, note what the trainer does, answer what is wanted.

    Raises:
        NotFoundError: there is no such run.
        StaleFenceError: the sender does not own the run.
    """
    run = load_owned(session, run_id, beat.fence)
    run.lease_until = now + timedelta(seconds=rules.lease_s)
    run.heartbeat_at = now
    phase = clean_text(beat.phase)
    if phase and phase != run.phase:
        run.phase = phase
        run.seq = raise_counter(session, STREAM_COUNTER)
    if beat.is_training and run.status == RunStatus.STARTING:
        actor = run.owner or "worker"
        change_status(session, run, RunStatus.RUNNING, actor=actor, now=now, reason=None)
    return HeartbeatReply(should_cancel=run.status == RunStatus.CANCELLING)


def end_attempt(
    session: Session, run_id: UUID, end: AttemptEnd, rules: LeaseRules, *, now: datetime
) -> None:
    """Take the last word of an attempt; hearing it again changes nothing.

    Raises:
        NotFoundError: there is no such run.
        StaleFenceError: the sender does not own the run.
    """
    if lock_run(session, run_id).ended_fence == end.fence:
        return
    run = load_owned(session, run_id, end.fence)
    run.ended_fence = end.fence
    actor = run.owner or "worker"
    if end.outcome is Outcome.LOST:
        reason = end.reason or "the trainer was killed from outside"
        lose_attempt(session, run, rules, actor=actor, now=now, reason=reason)
        return
    wanted = RunStatus(end.outcome.value)
    # A run may end before its first heartbeat said that it trains, and a runner may stop by
    # itself: the history then shows the state between.
    if wanted is RunStatus.SUCCEEDED and run.status == RunStatus.STARTING:
        change_status(session, run, RunStatus.RUNNING, actor=actor, now=now, reason=None)
    if wanted is RunStatus.CANCELLED and run.status == RunStatus.RUNNING:
        change_status(session, run, RunStatus.CANCELLING, actor=actor, now=now, reason=end.reason)
    if wanted is not RunStatus.SUCCEEDED:
        run.error_code = clean_optional(end.error_code)
    change_status(session, run, wanted, actor=actor, now=now, reason=end.reason)


def expire_leases(session: Session, rules: LeaseRules, *, now: datetime) -> int:
    """Take runs from runners that fell silent; returns how many."""
    silent = sa.select(Run).where(Run.status.in_(OWNED), Run.lease_until < now)
    runs = session.scalars(silent.with_for_update(skip_locked=True, key_share=True)).all()
    for run in runs:
        heard_at = run.heartbeat_at or now
        reason = f"runner lost: no heartbeat for {(now - heard_at).total_seconds():.0f} s"
        lose_attempt(session, run, rules, actor=RECONCILER, now=now, reason=reason)
    return len(runs)


def lose_attempt(
    session: Session, run: Run, rules: LeaseRules, *, actor: str, now: datetime, reason: str
) -> None:
    """Queue a run again whose attempt was lost, unless it is being cancelled or never gets on."""
    if run.status == RunStatus.CANCELLING:
        change_status(session, run, RunStatus.CANCELLED, actor=actor, now=now, reason=reason)
        return
    saved = sa.select(Checkpoint.name).where(
        Checkpoint.run_id == run.id, Checkpoint.fence == run.fence
    )
    if session.scalar(saved.limit(1)) is None:
        run.attempts_without_progress += 1
    if run.attempts_without_progress < rules.max_attempts_without_progress:
        change_status(session, run, RunStatus.QUEUED, actor=actor, now=now, reason=reason)
        return
    run.error_code = TOO_MANY_LOST
    reason = (
        f"{run.attempts_without_progress} attempts in a row were lost without a new checkpoint; "
        f"the last: {reason}"
    )
    change_status(session, run, RunStatus.FAILED, actor=actor, now=now, reason=reason)
