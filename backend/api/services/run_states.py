"""The one place where a run changes its state: checked, recorded, announced and rung for."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.texts import clean_optional
from backend.contract.runs import RunStatus, check_transition
from backend.database.session import QUEUE_COUNTER, STREAM_COUNTER, raise_counter
from backend.database.tables import Counter, Outbox, Run, RunEvent

OWNED = tuple(status.value for status in RunStatus if status.is_owned)
"""States in which a worker holds the run."""


def change_status(
    session: Session, run: Run, wanted: RunStatus, *, actor: str, now: datetime, reason: str | None
) -> None:
    """Move a run to another state, with its event and, where work appears or ends, a doorbell.

    Raises:
        IllegalTransitionError: the table of transitions does not list it.
    """
    current = RunStatus(run.status)
    check_transition(current, wanted)
    run.status = wanted
    run.reason = clean_optional(reason)
    if not wanted.is_owned:
        run.owner = None
        run.held_devices = None
        run.lease_until = None
        run.phase = ""
    run.finished_at = now if wanted.is_terminal else None
    record_event(session, run, current, actor=actor, now=now, reason=run.reason)
    if wanted is RunStatus.QUEUED or wanted.is_terminal:
        session.add(Outbox(run_id=run.id, topic=wanted, created_at=now))


def record_event(
    session: Session,
    run: Run,
    previous: RunStatus | None,
    *,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Append to the run's history and let the stream tell of it and of all that wait."""
    session.flush()
    newest = sa.select(sa.func.max(RunEvent.sequence)).where(RunEvent.run_id == run.id)
    session.add(
        RunEvent(
            run_id=run.id,
            sequence=(session.scalar(newest) or 0) + 1,
            at=now,
            actor=actor,
            from_status=previous,
            to_status=run.status,
            reason=reason,
        )
    )
    run.seq = raise_counter(session, STREAM_COUNTER)
    # What queued runs wait for may have changed with this one.
    moved = sa.update(Counter).where(Counter.name == QUEUE_COUNTER).values(value=run.seq)
    session.execute(moved)
    session.flush()
