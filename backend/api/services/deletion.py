"""Deleting runs: the row goes at once, what it has logged in pieces, its files last.

`docs/decisions/0009-two-databases.md` says why.
"""

import shutil
from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.archive_import import forget_dataset
from backend.api.services.experiments import delete, load_experiment
from backend.api.services.run_views import load_run
from backend.contract.artifacts import Home
from backend.contract.config import EvaluationRunConfig, parse_config
from backend.contract.errors import ConflictError, IllegalTransitionError
from backend.contract.runs import RunStatus
from backend.database.session import (
    RUN_COUNTER,
    STREAM_COUNTER,
    Database,
    lock_counter,
    raise_counter,
)
from backend.database.tables import (
    Answer,
    Base,
    Checkpoint,
    Deletion,
    Evaluation,
    LogChunk,
    MetricPoint,
    Outbox,
    RLStep,
    Run,
    RunEvent,
    Sample,
)
from backend.database.tables_experiments import Experiment, ExperimentCell

ROWS_AT_ONCE = MappingProxyType({"sqlite": 2_000, "postgresql": 10_000})
"""In SQLite everybody who writes waits for the transaction, and an index costs more."""
REFERRING = (Outbox, RunEvent, Checkpoint)
"""Small tables whose rows go with the run's."""
LOGGED = (MetricPoint, Sample, RLStep, LogChunk)
"""Large tables whose rows outlive the run's for a moment; answers and evaluations do, too."""
NOT_ENDED = tuple(status.value for status in RunStatus if not status.is_terminal)


def delete_run(session: Session, run_id: UUID, *, now: datetime) -> None:
    """Delete a run; `remove_rows` and `remove_files` take away what it leaves.

    Raises:
        NotFoundError: there is no such run.
        IllegalTransitionError: it has not ended.
        ConflictError: an experiment or an evaluation needs it.
    """
    # Whoever makes a run that refers to another raises this counter first.
    lock_counter(session, RUN_COUNTER)
    run = load_run(session, run_id)
    used = sa.select(Experiment).join(ExperimentCell).where(ExperimentCell.run_id == run_id)
    experiment = session.scalar(used.order_by(Experiment.number).limit(1))
    if experiment is not None:
        raise ConflictError(
            f"run {run.name!r} stands in experiment {experiment.name!r} ({experiment.id}): delete "
            "that first, with or without its runs"
        )
    _delete_runs(session, [run_id], now)


def delete_experiment(
    session: Session, experiment_id: UUID, *, with_runs: bool, now: datetime
) -> None:
    """Forget an experiment; with its runs, all that stand in no other experiment go too.

    Raises:
        NotFoundError: there is no such experiment.
        IllegalTransitionError: one of the runs has not ended; nothing is deleted.
        ConflictError: an evaluation needs one of the runs; nothing is deleted.
    """
    lock_counter(session, RUN_COUNTER)
    load_experiment(session, experiment_id)
    cell = ExperimentCell
    elsewhere = sa.select(cell.run_id).where(cell.experiment_id != experiment_id)
    own = sa.select(cell.run_id).where(cell.experiment_id == experiment_id)
    own = own.where(cell.run_id.not_in(elsewhere))
    run_ids = session.scalars(own.distinct()).all() if with_runs else ()
    delete(session, experiment_id)
    session.flush()
    _delete_runs(session, run_ids, now)


def _delete_runs(session: Session, run_ids: Sequence[UUID], now: datetime) -> None:
    """All of them or none: check, then take away the rows by which they are found."""
    query = sa.select(Run).where(Run.id.in_(run_ids)).order_by(Run.number.desc())
    locked = query.with_for_update().execution_options(populate_existing=True)
    runs = session.scalars(locked).all()
    for run in runs:
        if not RunStatus(run.status).is_terminal:
            raise IllegalTransitionError(
                f"run {run.name!r} is {run.status} and cannot be deleted: cancel it first "
                "(allowed: succeeded, failed, cancelled)"
            )
    _refuse_evaluated(session, {run.id: run.name for run in runs})
    for run in runs:
        deletion = Deletion(
            run_id=run.id,
            seq=raise_counter(session, STREAM_COUNTER),
            requested_at=now,
            dataset=_forget_dataset(session, run),
        )
        session.add(deletion)
        for table in REFERRING:
            session.execute(sa.delete(table).where(table.run_id == run.id))
        session.delete(run)
        session.flush()


def _refuse_evaluated(session: Session, names: dict[UUID, str]) -> None:
    waiting = sa.select(Run).where(Run.kind == "evaluation", Run.status.in_(NOT_ENDED))
    for run in session.scalars(waiting.order_by(Run.number)):
        config = parse_config(run.config)
        assert isinstance(config, EvaluationRunConfig)
        if config.checkpoint is not None and config.checkpoint.run in names:
            raise ConflictError(
                f"run {run.name!r} ({run.id}) is {run.status} and evaluates a checkpoint of run "
                f"{names[config.checkpoint.run]!r}: cancel it, or wait for its end"
            )


def _forget_dataset(session: Session, run: Run) -> str | None:
    """Folder name of the problems that came with an opened run, which nobody else may use."""
    return forget_dataset(session, run) if run.is_imported else None


def list_unfinished(session: Session) -> Sequence[UUID]:
    """Deleted runs of which something may be left, the oldest deletion first."""
    query = sa.select(Deletion.run_id).where(Deletion.finished_at.is_(None))
    return session.scalars(query.order_by(Deletion.seq)).all()


def remove_rows(session: Session, run_id: UUID) -> int:
    """Delete at most ROWS_AT_ONCE of the rows that a deleted run has logged; returns how many."""
    evaluations = sa.select(Evaluation.id).where(Evaluation.run_id == run_id)
    for table in LOGGED:
        if num_rows := _remove_some(session, table, table.run_id == run_id):
            return num_rows
    return _remove_some(session, Answer, Answer.evaluation_id.in_(evaluations)) or _remove_some(
        session, Evaluation, Evaluation.run_id == run_id
    )


def _remove_some(session: Session, table: type[Base], condition: sa.ColumnElement[bool]) -> int:
    # Where a row lies: the shortest name for it that each database has.
    kind = session.get_bind().dialect.name
    place: sa.ColumnClause[Any] = sa.literal_column("rowid" if kind == "sqlite" else "ctid")
    some = sa.select(place).select_from(table).where(condition).limit(ROWS_AT_ONCE[kind])
    done = session.execute(
        sa.delete(table).where(place.in_(some)), execution_options={"synchronize_session": False}
    )
    return cast(sa.CursorResult[Any], done).rowcount


def remove_files(database: Database, home: Home, run_id: UUID, *, now: datetime) -> None:
    """Delete a run's folders after its rows, and note that nothing is left.

    Raises:
        OSError: a file cannot be deleted.
    """
    with database.read_scope() as session:
        deletion = session.get_one(Deletion, run_id)
    folders = [home.run(run_id).root]
    if deletion.dataset is not None:
        folders.append(home.dataset(deletion.dataset))
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
    with database.session_scope() as session:
        session.get_one(Deletion, run_id).finished_at = now
