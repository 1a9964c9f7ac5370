"""Workers: they announce themselves, people list them, drain them and forget them."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas_workers import RunReference, WorkerDevice, WorkerInfo, WorkerState
from backend.api.services.capacity import (
    ABSENT_AFTER_S,
    Held,
    is_present,
    load_held,
    load_offers,
    load_queue,
    load_workers,
)
from backend.api.services.scheduling import Placement, Waiting, choose
from backend.api.services.texts import clean_text
from backend.contract.devices import DeviceKind
from backend.contract.errors import ConflictError, NotFoundError
from backend.contract.messages import Announcement, AnnouncementReply
from backend.database.columns import upsert
from backend.database.session import STREAM_COUNTER, raise_counter
from backend.database.tables import Worker


def announce(session: Session, said: Announcement, *, now: datetime) -> AnnouncementReply:
    """Keep what a worker says of itself; a change is told to the stream.

    Raises:
        ConflictError: another process has this name.
    """
    row = {"name": said.worker, "slots": said.slots, "last_seen_at": now}
    upsert(session, Worker, [row])
    worker = _lock(session, said.worker)
    _check_name_is_free(worker, said, now)
    news = {
        "host": clean_text(said.host),
        "slots": said.slots,
        "started_at": said.started_at,
        "devices": [device.model_dump(mode="json") for device in said.devices],
        "versions": {clean_text(k): clean_text(v) for k, v in said.versions.items()},
        "is_told_absent": False,
    }
    is_news = any(getattr(worker, name) != value for name, value in news.items())
    worker.last_seen_at = now
    if is_news:
        for name, value in news.items():
            setattr(worker, name, value)
        worker.seq = raise_counter(session, STREAM_COUNTER)
    session.flush()
    return AnnouncementReply(
        is_draining=worker.is_draining,
        has_work=find_work(session, said.worker, now=now) is not None,
    )


def find_work(session: Session, name: str, *, now: datetime) -> tuple[Waiting, Placement] | None:
    """The queued run that a worker would get if it asked now; the worker is known and present."""
    queue = load_queue(session)
    if not queue:
        return None
    return choose(queue, load_offers(session, now), name, now=now)


def list_workers(session: Session, *, now: datetime) -> list[WorkerInfo]:
    """All known workers by name, with what they carry."""
    held = load_held(session, now)
    return [_describe(worker, held, now) for worker in load_workers(session)]


def set_draining(session: Session, name: str, *, is_draining: bool, now: datetime) -> WorkerInfo:
    """Let a worker take nothing new, or let it take runs again.

    Raises:
        NotFoundError: there is no such worker.
    """
    worker = _lock(session, name)
    if worker.is_draining != is_draining:
        worker.is_draining = is_draining
        worker.seq = raise_counter(session, STREAM_COUNTER)
        session.flush()
    return _describe(worker, load_held(session, now), now)


def forget_worker(session: Session, name: str, *, now: datetime) -> None:
    """Take an absent worker out of the list; it comes back when it announces itself.

    Raises:
        NotFoundError: there is no such worker.
        ConflictError: it is there, or its runs go on.
    """
    worker = _lock(session, name)
    if is_present(worker, now):
        raise ConflictError(
            f"worker {name!r} is there and would announce itself again: stop it first (only a "
            f"worker that was silent for {ABSENT_AFTER_S:.0f} s can be forgotten)"
        )
    carried = [run.name for run in load_held(session, now) if run.owner == name]
    if carried:
        raise ConflictError(f"worker {name!r} is silent, but its runs go on: {carried[:5]}")
    session.delete(worker)


def tell_absent(session: Session, *, now: datetime) -> int:
    """Let the stream tell of workers that fell silent; returns how many."""
    silent = (
        sa.select(Worker)
        .where(
            Worker.last_seen_at <= now - timedelta(seconds=ABSENT_AFTER_S),
            Worker.is_told_absent.is_(False),
        )
        .with_for_update(skip_locked=True)
    )
    workers = session.scalars(silent).all()
    for worker in workers:
        worker.is_told_absent = True
        worker.seq = raise_counter(session, STREAM_COUNTER)
    return len(workers)


def _lock(session: Session, name: str) -> Worker:
    """The row of a worker, held until the transaction ends.

    Raises:
        NotFoundError: there is no such worker.
    """
    worker = session.get(Worker, name, with_for_update=True, populate_existing=True)
    if worker is None:
        raise NotFoundError(f"there is no worker {name!r}")
    return worker


def _check_name_is_free(worker: Worker, said: Announcement, now: datetime) -> None:
    """Refuse the name of a worker that is there: on another machine, or started later."""
    if worker.started_at is None or not is_present(worker, now):
        return
    other = "choose another one by MAYE_WORKER_NAME or --name"
    if worker.host != clean_text(said.host):
        raise ConflictError(
            f"a worker on host {worker.host!r} has the name {said.worker!r}: {other}"
        )
    if said.started_at < worker.started_at:
        raise ConflictError(
            f"another process on this host has taken the name {said.worker!r} at "
            f"{worker.started_at:%Y-%m-%d %H:%M:%S} UTC: {other}"
        )


def _describe(worker: Worker, held: list[Held], now: datetime) -> WorkerInfo:
    carried = [run for run in held if run.owner == worker.name]
    holders = {uuid: RunReference(id=run.id, name=run.name) for run in held for uuid in run.gpus}
    return WorkerInfo(
        name=worker.name,
        host=worker.host,
        state=_state_of(worker, is_busy=bool(carried), now=now),
        devices=[
            WorkerDevice(**device, held_by=holders.get(device["uuid"])) for device in worker.devices
        ],
        kinds=sorted({DeviceKind(device["kind"]) for device in worker.devices}),
        slots=worker.slots,
        slots_used=sum(not run.gpus for run in carried),
        runs=[RunReference(id=run.id, name=run.name) for run in carried],
        is_draining=worker.is_draining,
        last_seen_at=worker.last_seen_at,
        started_at=worker.started_at,
        versions=worker.versions,
    )


def _state_of(worker: Worker, *, is_busy: bool, now: datetime) -> WorkerState:
    if not is_present(worker, now):
        return WorkerState.ABSENT
    if worker.is_draining:
        return WorkerState.DRAINING if is_busy else WorkerState.DRAINED
    return WorkerState.BUSY if is_busy else WorkerState.READY
