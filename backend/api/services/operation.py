"""How the platform stands, as numbers: the queue, rings, workers and their GPUs."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas_workers import WorkerState
from backend.api.services.capacity import load_offers
from backend.api.services.workers import list_workers
from backend.contract.devices import NeededKind
from backend.contract.runs import RunStatus
from backend.database.tables import Outbox, Run, RunEvent


@dataclass(frozen=True, slots=True)
class Standing:
    """The platform at a moment."""

    runs: dict[str, int]
    """Status to runs; every status is there."""
    queued: dict[str, int]
    """Kind of device that is asked for to queued runs; every kind is there."""
    queue_oldest_s: float
    """Age of the oldest queued run; 0 when none is queued."""
    outbox_oldest_s: float
    """Age of the oldest promise of a ring; 0 when all were kept."""
    workers: dict[str, int]
    """State to workers; every state is there."""
    num_gpus: int
    """Different GPUs of present workers."""
    num_held_gpus: int


def look(session: Session, now: datetime) -> Standing:
    """How the platform stands now."""
    per_status = sa.select(Run.status, sa.func.count()).group_by(Run.status)
    runs = {status.value: 0 for status in RunStatus} | _pairs(session, per_status)
    per_kind = (
        sa.select(Run.device_kind, sa.func.count())
        .where(Run.status == RunStatus.QUEUED)
        .group_by(Run.device_kind)
    )
    queued = {kind.value: 0 for kind in NeededKind} | _pairs(session, per_kind)
    oldest_run = sa.select(sa.func.min(Run.created_at)).where(Run.status == RunStatus.QUEUED)
    oldest_ring = sa.select(sa.func.min(Outbox.created_at)).where(Outbox.published_at.is_(None))
    workers = Counter(worker.state.value for worker in list_workers(session, now=now))
    offers = load_offers(session, now).values()
    gpus = {gpu.uuid for offer in offers for gpu in offer.gpus}
    held = {uuid for offer in offers for uuid in offer.held}
    return Standing(
        runs=runs,
        queued=queued,
        queue_oldest_s=_age_s(session.scalar(oldest_run), now),
        outbox_oldest_s=_age_s(session.scalar(oldest_ring), now),
        workers={state.value: workers[state.value] for state in WorkerState},
        num_gpus=len(gpus),
        num_held_gpus=len(held & gpus),
    )


def find_wait_s(session: Session, run_id: UUID, now: datetime) -> float:
    """How long a run that was just claimed had been queued."""
    queued = sa.select(sa.func.max(RunEvent.at)).where(
        RunEvent.run_id == run_id,
        RunEvent.to_status == RunStatus.QUEUED,
        # A remark about a queued run is no queueing.
        RunEvent.from_status.is_distinct_from(RunStatus.QUEUED),
    )
    return _age_s(session.scalar(queued), now)


def _pairs(session: Session, query: sa.Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in session.execute(query)}


def _age_s(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())
