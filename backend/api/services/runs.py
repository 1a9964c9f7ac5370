"""What people do with runs: create, list, show, cancel, read the history."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.orm import Session

from backend.api.schemas import RunChange, RunCreate, RunDetail, RunEvent, RunPage
from backend.api.services.capacity import lock_queue
from backend.api.services.cursors import decode_cursor, encode_cursor
from backend.api.services.run_checks import check_inputs
from backend.api.services.run_states import change_status, record_event
from backend.api.services.run_views import (
    DATA_CHECK,
    load_run,
    lock_run,
    refuse_imported,
    show,
    summarize,
)
from backend.api.services.texts import clean_optional, clean_text
from backend.contract.artifacts import Home
from backend.contract.devices import need_of
from backend.contract.errors import ConflictError, IllegalTransitionError
from backend.contract.runs import RunStatus
from backend.database import tables
from backend.database.session import RUN_COUNTER, lock_counter, raise_counter
from backend.database.tables import Outbox, Run

ACTOR = "user"


@dataclass(frozen=True, slots=True)
class Once:
    """What keeps a request that is sent twice from being carried out twice."""

    key: str | None
    """The Idempotency-Key; None where the sender gave none."""
    request_hash: str
    """Of the request, to tell a repetition from another one."""

    @classmethod
    def of(cls, key: str | None, request: BaseModel) -> "Once":
        """Of a request's body."""
        return cls(key, hashlib.sha256(request.model_dump_json().encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list is asked for."""

    limit: int
    """Rows on the page."""
    cursor: str | None
    """Where the page before ended; None for the first."""


def create_run(
    session: Session,
    request: RunCreate,
    *,
    home: Home,
    idempotency_key: str | None,
    now: datetime,
) -> RunDetail:
    """Queue a run; the same idempotency key with the same request gives the same run.

    Raises:
        InvalidFieldError: the run cannot work with its model and its data set.
        ConflictError: the key was used for another request.
    """
    once = Once.of(idempotency_key, request)
    repeated = find_repeated(session, once)
    if repeated is not None:
        return show(session, repeated, now)
    return show(session, queue_run(session, request, once, home=home, now=now), now)


def find_repeated(session: Session, once: Once) -> Run | None:
    """The run that the same request has made before.

    Raises:
        ConflictError: the key was used for another request.
    """
    if once.key is None:
        return None
    # The same request at the same moment waits here until the first has made its run.
    lock_counter(session, RUN_COUNTER)
    run = session.scalar(sa.select(Run).where(Run.idempotency_key == once.key))
    if run is not None and run.request_hash != once.request_hash:
        raise ConflictError(
            "this Idempotency-Key was used for another request: send a new key, or the same body"
        )
    return run


def queue_run(
    session: Session, request: RunCreate, once: Once, *, home: Home, now: datetime
) -> Run:
    """Queue a run that nobody has asked for before.

    Raises:
        InvalidFieldError: the run cannot work with its model and its data set.
    """
    # First of all: nobody deletes a run meanwhile whose checkpoint this one evaluates.
    number = raise_counter(session, RUN_COUNTER)
    warnings = check_inputs(session, request.config, home)
    need = need_of(request.config)
    run = Run(
        id=uuid4(),
        number=number,
        seq=0,
        name=clean_text(request.name),
        kind=request.config.kind,
        model=request.config.model,
        dataset=request.config.dataset,
        seed=request.config.seed,
        preset=clean_optional(request.preset),
        config=request.config.model_dump(mode="json"),
        status=RunStatus.QUEUED,
        priority=request.priority,
        device_kind=need.kind,
        num_devices=need.num_devices,
        min_device_memory_gib=need.min_memory_gib,
        phase="",
        rl_step=0,
        attempt=0,
        fence=0,
        attempts_without_progress=0,
        idempotency_key=once.key,
        request_hash=once.request_hash,
        created_at=now,
    )
    session.add(run)
    record_event(session, run, None, actor=ACTOR, now=now)
    for warning in warnings:
        record_event(session, run, RunStatus.QUEUED, actor=DATA_CHECK, now=now, reason=warning)
    session.add(Outbox(run_id=run.id, topic=RunStatus.QUEUED, created_at=now))
    return run


def list_runs(
    session: Session, page: PageRequest, status: RunStatus | None, *, now: datetime
) -> RunPage:
    """A page of runs, newest first.

    Raises:
        InvalidInputError: the cursor is none of ours.
    """
    query = sa.select(Run).order_by(Run.number.desc()).limit(page.limit + 1)
    if status is not None:
        query = query.where(Run.status == status)
    if page.cursor is not None:
        query = query.where(Run.number < int(decode_cursor(page.cursor, 1)[0]))
    runs = session.scalars(query).all()
    shown = runs[: page.limit]
    cursor = encode_cursor(shown[-1].number) if len(runs) > page.limit else None
    return RunPage(runs=summarize(session, shown, now), next_cursor=cursor)


def cancel_run(session: Session, run_id: UUID, *, now: datetime) -> RunDetail:
    """Cancel a queued run at once; ask the runner of any other to stop.

    Raises:
        NotFoundError: there is no such run.
        IllegalTransitionError: it has ended.
        RunImportedError: it was opened from an archive.
    """
    lock_queue(session)
    run = lock_run(session, run_id)
    refuse_imported(run, "cancelled")
    status = RunStatus(run.status)
    if status.is_terminal:
        raise IllegalTransitionError(f"the run has ended: it is {status} and cannot be cancelled")
    if status is not RunStatus.CANCELLING:
        is_queued = status is RunStatus.QUEUED
        wanted = RunStatus.CANCELLED if is_queued else RunStatus.CANCELLING
        change_status(session, run, wanted, actor=ACTOR, now=now, reason="cancelled by the user")
    return show(session, run, now)


def resume_run(session: Session, run_id: UUID, *, is_forced: bool, now: datetime) -> RunDetail:
    """Queue a run again that failed or was cancelled; it goes on from its newest checkpoint.

    Args:
        session: The transaction.
        run_id: The run.
        is_forced: Whether to go on in spite of what has changed since the checkpoint was made.
        now: The time.

    Raises:
        NotFoundError: there is no such run.
        IllegalTransitionError: it has not ended, or has succeeded.
        RunImportedError: it was opened from an archive.
    """
    run = lock_run(session, run_id)
    refuse_imported(run, "resumed")
    status = RunStatus(run.status)
    if not status.is_resumable:
        raise IllegalTransitionError(
            f"a run that is {status} cannot be resumed (allowed: failed, cancelled)"
        )
    forced = ", by force: in spite of what has changed since its checkpoint" * is_forced
    change_status(
        session,
        run,
        RunStatus.QUEUED,
        actor=ACTOR,
        now=now,
        reason=f"resumed by the user{forced}",
    )
    run.error_code = None
    run.attempts_without_progress = 0
    run.force_resume = is_forced
    session.flush()
    return show(session, run, now)


def change_run(session: Session, run_id: UUID, change: RunChange, *, now: datetime) -> RunDetail:
    """Rename a run, or let a queued one start sooner or later; its history tells of it.

    Raises:
        NotFoundError: there is no such run.
        IllegalTransitionError: its priority no longer decides anything.
    """
    lock_queue(session)
    run = lock_run(session, run_id)
    news: list[str] = []
    if change.priority is not None and change.priority != run.priority:
        if run.status != RunStatus.QUEUED:
            raise IllegalTransitionError(
                f"the priority of a run that is {run.status} decides nothing (allowed: queued)"
            )
        news.append(f"priority changed from {run.priority} to {change.priority}")
        run.priority = change.priority
    if change.name is not None and clean_text(change.name) != run.name:
        news.append(f"renamed from {run.name!r}")
        run.name = clean_text(change.name)
    if news:
        status, reason = RunStatus(run.status), "; ".join(news)
        record_event(session, run, status, actor=ACTOR, now=now, reason=reason)
    return show(session, run, now)


def list_events(session: Session, run_id: UUID) -> list[RunEvent]:
    """The history of a run, oldest first.

    Raises:
        NotFoundError: there is no such run.
    """
    load_run(session, run_id)
    query = sa.select(tables.RunEvent).where(tables.RunEvent.run_id == run_id)
    return [
        RunEvent(
            sequence=event.sequence,
            at=event.at,
            actor=event.actor,
            from_status=RunStatus(event.from_status) if event.from_status else None,
            to_status=RunStatus(event.to_status),
            reason=event.reason,
        )
        for event in session.scalars(query.order_by(tables.RunEvent.sequence))
    ]
