"""What has changed since a value of the counter, as events of the stream."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.run_views import summarize
from backend.contract.runs import RunStatus
from backend.database.columns import split_float
from backend.database.session import QUEUE_COUNTER, STREAM_COUNTER, read_counter
from backend.database.tables import Deletion, LogChunk, MetricPoint, RLStep, Run, Sample, Worker

MAX_POINTS_PER_LOOK = 5000


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the stream."""

    event: str
    """worker, run, log, samples or metrics."""
    data: str
    """JSON on one line, ASCII only."""
    seq: int | None
    """Value to resume after; only the last change of a value carries it."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything between two values of the counter."""

    changes: list[Change]
    """In order of the counter."""
    last: int
    """The value up to which nothing is missing."""


@dataclass(slots=True)
class _Group:
    """What one transaction has changed; metrics come last, so that no point is sent twice."""

    workers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    runs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    deleted: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    logs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    samples: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    points: dict[UUID, list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict[UUID, list[dict[str, Any]]](list)
    )

    def to_changes(self, seq: int) -> list[Change]:
        metrics = [{"run_id": str(run), "points": points} for run, points in self.points.items()]
        told = (
            [("worker", data) for data in self.workers]
            + [("run", data) for data in self.runs]
            + [("deleted", data) for data in self.deleted]
            + [("log", data) for data in self.logs]
            + [("samples", data) for data in self.samples]
            + [("metrics", data) for data in metrics]
        )
        last = len(told) - 1
        return [
            Change(event, json.dumps(data), seq if i == last else None)
            for i, (event, data) in enumerate(told)
        ]


def read_position(session: Session) -> int:
    """The counter now."""
    return read_counter(session, STREAM_COUNTER)


def collect_changes(
    session: Session, after: int, run_ids: frozenset[UUID], *, now: datetime
) -> Changes:
    """Changes with a counter above `after`; of all runs where run_ids is empty."""
    last = _find_end(session, after)
    if last <= after:
        return Changes([], after)
    groups: dict[int, _Group] = defaultdict(_Group)
    _collect_workers(session, groups, (after, last))
    _collect_runs(session, groups, (after, last), run_ids, now)
    _collect_deleted(session, groups, (after, last), run_ids)
    _collect_logs(session, groups, (after, last), run_ids)
    _collect_samples(session, groups, (after, last), run_ids)
    _collect_points(session, groups, (after, last), run_ids)
    changes = [change for seq in sorted(groups) for change in groups[seq].to_changes(seq)]
    return Changes(changes, last)


def _find_end(session: Session, after: int) -> int:
    """The counter, or an earlier value where too many points would be held in memory."""
    top = read_position(session)
    beyond = session.scalar(
        sa.select(MetricPoint.seq)
        .where(MetricPoint.seq > after)
        .order_by(MetricPoint.seq)
        .offset(MAX_POINTS_PER_LOOK)
        .limit(1)
    )
    return top if beyond is None else min(top, max(beyond - 1, after + 1))


def _collect_workers(session: Session, groups: dict[int, _Group], window: tuple[int, int]) -> None:
    """Names only: what a worker carries changes with runs, so a page reads it anew."""
    query = sa.select(Worker.seq, Worker.name).where(Worker.seq > window[0])
    for row in session.execute(query.where(Worker.seq <= window[1]).order_by(Worker.name)):
        groups[row.seq].workers.append({"name": row.name})


def _collect_runs(
    session: Session,
    groups: dict[int, _Group],
    window: tuple[int, int],
    run_ids: frozenset[UUID],
    now: datetime,
) -> None:
    query = sa.select(Run).where(Run.seq > window[0], Run.seq <= window[1]).order_by(Run.number)
    if run_ids:
        query = query.where(Run.id.in_(run_ids))
    told = {run.id: (run.seq, run) for run in session.scalars(query)}
    moved = read_counter(session, QUEUE_COUNTER)
    if window[0] < moved <= window[1]:
        waiting = sa.select(Run).where(Run.status == RunStatus.QUEUED).order_by(Run.number)
        if run_ids:
            waiting = waiting.where(Run.id.in_(run_ids))
        told = {run.id: (moved, run) for run in session.scalars(waiting)} | told
    runs = [run for _, run in told.values()]
    for (seq, _), summary in zip(told.values(), summarize(session, runs, now), strict=True):
        groups[seq].runs.append(json.loads(summary.model_dump_json()))


def _collect_deleted(
    session: Session,
    groups: dict[int, _Group],
    window: tuple[int, int],
    run_ids: frozenset[UUID],
) -> None:
    query = sa.select(Deletion.seq, Deletion.run_id)
    query = query.where(Deletion.seq > window[0], Deletion.seq <= window[1])
    if run_ids:
        query = query.where(Deletion.run_id.in_(run_ids))
    for row in session.execute(query):
        groups[row.seq].deleted.append({"run_id": str(row.run_id)})


def _collect_logs(
    session: Session,
    groups: dict[int, _Group],
    window: tuple[int, int],
    run_ids: frozenset[UUID],
) -> None:
    query = sa.select(LogChunk.seq, LogChunk.run_id).distinct()
    query = query.where(LogChunk.seq > window[0], LogChunk.seq <= window[1])
    if run_ids:
        query = query.where(LogChunk.run_id.in_(run_ids))
    for row in session.execute(query):
        groups[row.seq].logs.append({"run_id": str(row.run_id)})


def _collect_samples(
    session: Session,
    groups: dict[int, _Group],
    window: tuple[int, int],
    run_ids: frozenset[UUID],
) -> None:
    query = sa.select(Sample.seq, Sample.run_id, Sample.rl_step).distinct()
    query = query.where(Sample.seq > window[0], Sample.seq <= window[1])
    if run_ids:
        query = query.where(Sample.run_id.in_(run_ids))
    for row in session.execute(query.order_by(Sample.seq, Sample.rl_step)):
        data = {"run_id": str(row.run_id), "rl_step": row.rl_step}
        groups[row.seq].samples.append(data)


def _collect_points(
    session: Session,
    groups: dict[int, _Group],
    window: tuple[int, int],
    run_ids: frozenset[UUID],
) -> None:
    # Columns, not objects: this is read for every point of every run by every open page.
    query = (
        sa.select(
            MetricPoint.seq,
            MetricPoint.run_id,
            MetricPoint.key,
            MetricPoint.rl_step,
            RLStep.epoch,
            RLStep.seconds,
            MetricPoint.value,
            MetricPoint.nonfinite,
        )
        .join(
            RLStep,
            (RLStep.run_id == MetricPoint.run_id) & (RLStep.rl_step == MetricPoint.rl_step),
        )
        .where(MetricPoint.seq > window[0], MetricPoint.seq <= window[1])
        .order_by(MetricPoint.seq, MetricPoint.rl_step, MetricPoint.key)
    )
    if run_ids:
        query = query.where(MetricPoint.run_id.in_(run_ids))
    for seq, run_id, key, rl_step, epoch, seconds, value, nonfinite in session.execute(query):
        groups[seq].points[run_id].append(
            {
                "key": key,
                "rl_step": rl_step,
                "epoch": _json_float(epoch),
                "seconds": _json_float(seconds),
                "value": nonfinite or value,
            }
        )


def _json_float(value: float) -> float | str | None:
    """A number, or the name of one that JSON does not have."""
    number, nonfinite = split_float(value)
    return nonfinite or number
