"""What is queued and what workers have, read from the database for scheduling and for people."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.run_states import OWNED
from backend.api.services.scheduling import Gpu, Offer, Waiting, in_order
from backend.contract.devices import DeviceKind, DeviceNeed, NeededKind
from backend.contract.runs import RunStatus
from backend.database.session import RUN_COUNTER, lock_counter
from backend.database.tables import Run, Worker

ABSENT_AFTER_S = 60.0
"""A worker that was not heard of for this long is absent."""


@dataclass(frozen=True, slots=True)
class Held:
    """A run that a worker carries."""

    id: UUID
    number: int
    name: str
    owner: str
    gpus: tuple[str, ...]
    """UUIDs; none is a slot of the CPU."""


def lock_queue(session: Session) -> None:
    """Let nobody else hand out, cancel or change queued runs until this transaction ends.

    The counter of runs comes before rows of runs, and the stream's counter after them (see
    `lock_run`): the stream's cannot serve here, ingest holds its run's row when it raises it.
    """
    lock_counter(session, RUN_COUNTER)


def load_queue(session: Session) -> list[Waiting]:
    """Queued runs, in the order in which they are served."""
    query = sa.select(
        Run.number,
        Run.name,
        Run.priority,
        Run.device_kind,
        Run.num_devices,
        Run.min_device_memory_gib,
        Run.created_at,
    ).where(Run.status == RunStatus.QUEUED)
    return in_order(
        Waiting(
            number,
            name,
            priority,
            DeviceNeed(NeededKind(kind), num_devices, memory_gib),
            created_at,
        )
        for number, name, priority, kind, num_devices, memory_gib, created_at in session.execute(
            query
        )
    )


def load_held(session: Session, now: datetime) -> list[Held]:
    """Runs whose lease holds, oldest first."""
    query = (
        sa.select(Run.id, Run.number, Run.name, Run.owner, Run.held_devices)
        .where(Run.status.in_(OWNED), Run.lease_until > now)
        .order_by(Run.number)
    )
    return [
        Held(run_id, number, name, owner or "", tuple(gpus or ()))
        for run_id, number, name, owner, gpus in session.execute(query)
    ]


def load_workers(session: Session) -> list[Worker]:
    """All known workers by name, as they are stored now."""
    query = sa.select(Worker).order_by(Worker.name)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def is_present(worker: Worker, now: datetime) -> bool:
    """Whether a worker was heard of lately."""
    return now - worker.last_seen_at < timedelta(seconds=ABSENT_AFTER_S)


def build_offers(workers: Iterable[Worker], held: Iterable[Held]) -> dict[str, Offer]:
    """What workers have, by their names, and what runs hold of it."""
    slots_used: defaultdict[str, int] = defaultdict(int)
    held_gpus: set[str] = set()
    for run in held:
        held_gpus.update(run.gpus)
        slots_used[run.owner] += not run.gpus
    return {
        worker.name: Offer(
            name=worker.name,
            gpus=_gpus_of(worker),
            slots=worker.slots,
            held=frozenset(held_gpus),
            slots_used=slots_used[worker.name],
            is_draining=worker.is_draining,
        )
        for worker in workers
    }


def load_offers(session: Session, now: datetime) -> dict[str, Offer]:
    """What the workers that are there have, by their names."""
    present = [worker for worker in load_workers(session) if is_present(worker, now)]
    return build_offers(present, load_held(session, now))


def _gpus_of(worker: Worker) -> tuple[Gpu, ...]:
    gpus = [
        Gpu(device["uuid"], device["index"], device["memory_bytes"])
        for device in worker.devices
        if device["kind"] == DeviceKind.CUDA
    ]
    return tuple(sorted(gpus, key=lambda gpu: gpu.index))
