"""Why a queued run has not started, in words."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.run_states import OWNED
from backend.contract.runs import RunStatus
from backend.database.tables import Run, Worker

ABSENT_AFTER_S = 60.0
"""A worker that was not heard of for this long is named as absent."""


def explain_waiting(session: Session, runs: Sequence[Run], now: datetime) -> dict[int, str]:
    """Run number to the reason, for those of the runs that are queued."""
    numbers = [run.number for run in runs if run.status == RunStatus.QUEUED]
    if not numbers:
        return {}
    cause = _find_cause(session, now)
    queued = sa.select(Run.number).where(Run.status == RunStatus.QUEUED).order_by(Run.number)
    positions = {number: i for i, number in enumerate(session.scalars(queued), start=1)}
    return {
        number: f"position {positions[number]} in the queue: {cause}"
        for number in numbers
        if number in positions
    }


def _find_cause(session: Session, now: datetime) -> str:
    workers = session.scalars(sa.select(Worker).order_by(Worker.last_seen_at.desc())).all()
    if not workers:
        return "no worker has asked for work yet"
    live = [w for w in workers if (now - w.last_seen_at).total_seconds() < ABSENT_AFTER_S]
    if not live:
        newest = workers[0]
        minutes = int((now - newest.last_seen_at).total_seconds() // 60)
        return f"no worker is there: {newest.name!r} was last heard of {minutes} min ago"
    held = sa.select(Run.owner, Run.name).where(Run.status.in_(OWNED)).order_by(Run.number)
    names: dict[str | None, list[str]] = {}
    for owner, name in session.execute(held):
        names.setdefault(owner, []).append(name)
    for worker in live:
        if len(names.get(worker.name, [])) < worker.slots:
            return f"worker {worker.name!r} has been called"
    full = live[0]
    return _describe_full(full, names[full.name])


def _describe_full(worker: Worker, names: list[str]) -> str:
    if worker.slots == 1:
        return f"run {names[0]!r} holds the only slot of worker {worker.name!r}"
    return f"{len(names)} runs hold all {worker.slots} slots of worker {worker.name!r}"
