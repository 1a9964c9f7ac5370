"""Runs as the list and the run page show them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import Alarm, RunDetail, RunOrigin, RunSummary
from backend.api.services.waiting import explain_waiting, locate
from backend.contract.config import parse_config
from backend.contract.errors import NotFoundError, RunImportedError
from backend.contract.runs import RunStatus
from backend.database.columns import join_float
from backend.database.tables import MetricPoint, Run, RunEvent

ACCURACY_KEY = "training/accuracy"
DATA_CHECK = "data check"
"""Actor of the warnings that a run's history begins with."""


def load_run(session: Session, run_id: UUID) -> Run:
    """The row of a run.

    Raises:
        NotFoundError: there is no such run.
    """
    run = session.get(Run, run_id)
    if run is None:
        raise NotFoundError(f"there is no run {run_id}")
    return run


def refuse_imported(run: Run, what: str) -> None:
    """Refuse to do something with a run that can only be read.

    Raises:
        RunImportedError: the run was opened from an archive.
    """
    if run.is_imported:
        raise RunImportedError(
            f"run {run.id} was opened from an archive: it can be read, not {what}"
        )


def lock_run(session: Session, run_id: UUID) -> Run:
    """The row of a run as it is now; nobody else changes it until the transaction ends.

    The order of locks is the same everywhere, so that no two transactions wait for each other:
    the counter of runs (who hands out or makes them), rows of runs, newest first, and the
    stream's counter.

    Raises:
        NotFoundError: there is no such run.
    """
    # Without the key: rows that refer to the run may still be written.
    query = sa.select(Run).where(Run.id == run_id).with_for_update(key_share=True)
    run = session.scalar(query.execution_options(populate_existing=True))
    if run is None:
        raise NotFoundError(f"there is no run {run_id}")
    return run


def summarize(session: Session, runs: Sequence[Run], now: datetime) -> list[RunSummary]:
    """Summaries of runs, in their order."""
    waits = explain_waiting(session, runs, now)
    accuracies = _find_accuracies(session, [run.id for run in runs])
    return [_summarize(run, waits.get(run.number), accuracies.get(run.id)) for run in runs]


def show(session: Session, run: Run, now: datetime) -> RunDetail:
    """A run with its resolved configuration."""
    summary = summarize(session, [run], now)[0]
    config = parse_config(run.config)
    return RunDetail(
        **dict(summary),
        queue=locate(session, run, now),
        config=config,
        warnings=_list_warnings(session, run),
    )


def _list_warnings(session: Session, run: Run) -> list[str]:
    query = sa.select(RunEvent.reason).where(
        RunEvent.run_id == run.id, RunEvent.actor == DATA_CHECK, RunEvent.reason.is_not(None)
    )
    return [reason or "" for reason in session.scalars(query.order_by(RunEvent.sequence))]


def _find_accuracies(session: Session, run_ids: list[UUID]) -> dict[UUID, float]:
    newest = (
        sa.select(MetricPoint.run_id, sa.func.max(MetricPoint.rl_step).label("rl_step"))
        .where(MetricPoint.run_id.in_(run_ids), MetricPoint.key == ACCURACY_KEY)
        .group_by(MetricPoint.run_id)
        .subquery()
    )
    points = sa.select(MetricPoint).join(
        newest,
        (MetricPoint.run_id == newest.c.run_id)
        & (MetricPoint.key == ACCURACY_KEY)
        & (MetricPoint.rl_step == newest.c.rl_step),
    )
    found = session.scalars(points)
    return {point.run_id: join_float(point.value, point.nonfinite) for point in found}


def _summarize(run: Run, waits_for: str | None, accuracy: float | None) -> RunSummary:
    return RunSummary(
        id=run.id,
        name=run.name,
        kind=run.kind,
        status=RunStatus(run.status),
        model=run.model,
        dataset=run.dataset,
        seed=run.seed,
        preset=run.preset,
        rl_step=run.rl_step,
        total_rl_steps=run.total_rl_steps,
        phase=run.phase,
        waits_for=waits_for,
        priority=run.priority,
        worker=run.owner,
        attempt=run.attempt,
        error_code=run.error_code,
        reason=run.reason,
        training_accuracy=accuracy,
        alarms=[Alarm.model_validate(alarm) for alarm in run.alarms or ()],
        origin=None if run.origin is None else RunOrigin.model_validate(run.origin),
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        heartbeat_at=run.heartbeat_at,
    )
