"""What people do with experiments: create, list, show, rename, delete."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.analysis.differences import config_differences
from backend.api.schemas_experiments import (
    ExperimentCell,
    ExperimentDetail,
    ExperimentPage,
    ExperimentSummary,
)
from backend.api.services.cursors import decode_cursor, encode_cursor
from backend.api.services.experiment_checks import check_experiment
from backend.api.services.experiment_runs import create_cells, load_cells
from backend.api.services.run_views import summarize
from backend.api.services.runs import PageRequest
from backend.api.services.texts import clean_text
from backend.contract.artifacts import Home
from backend.contract.errors import ConflictError, NotFoundError
from backend.contract.experiments import ExperimentSpec
from backend.contract.runs import RunStatus
from backend.database import tables_experiments as tables
from backend.database.session import RUN_COUNTER, lock_counter, raise_counter
from backend.database.tables import Run


def create_experiment(
    session: Session,
    spec: ExperimentSpec,
    *,
    home: Home,
    idempotency_key: str | None,
    now: datetime,
) -> ExperimentDetail:
    """Queue all runs of an experiment; the same key with the same request gives the same one.

    Raises:
        InvalidFieldError: a run could not work with its model and its data set.
        ConflictError: the key was used for another request.
    """
    request_hash = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
    if idempotency_key is not None:
        lock_counter(session, RUN_COUNTER)
        query = sa.select(tables.Experiment)
        query = query.where(tables.Experiment.idempotency_key == idempotency_key)
        repeated = session.scalar(query)
        if repeated is not None:
            if repeated.request_hash != request_hash:
                raise ConflictError(
                    "this Idempotency-Key was used for another request: "
                    "send a new key, or the same body"
                )
            return show(session, repeated, now)
    warnings = check_experiment(session, spec, home)
    experiment = tables.Experiment(
        id=uuid4(),
        number=raise_counter(session, RUN_COUNTER),
        name=clean_text(spec.name),
        spec=spec.model_dump(mode="json"),
        warnings=warnings,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        created_at=now,
    )
    session.add(experiment)
    session.flush()
    create_cells(session, experiment, home, now=now)
    return show(session, experiment, now)


def list_experiments(session: Session, page: PageRequest) -> ExperimentPage:
    """A page of experiments, newest first.

    Raises:
        InvalidInputError: the cursor is none of ours.
    """
    query = sa.select(tables.Experiment).order_by(tables.Experiment.number.desc())
    if page.cursor is not None:
        query = query.where(tables.Experiment.number < int(decode_cursor(page.cursor, 1)[0]))
    experiments = session.scalars(query.limit(page.limit + 1)).all()
    shown = experiments[: page.limit]
    cursor = encode_cursor(shown[-1].number) if len(experiments) > page.limit else None
    return ExperimentPage(experiments=_summarize(session, shown), next_cursor=cursor)


def load_experiment(session: Session, experiment_id: UUID) -> tables.Experiment:
    """The row of an experiment.

    Raises:
        NotFoundError: there is no such experiment.
    """
    experiment = session.get(tables.Experiment, experiment_id)
    if experiment is None:
        raise NotFoundError(f"there is no experiment {experiment_id}")
    return experiment


def show(session: Session, experiment: tables.Experiment, now: datetime) -> ExperimentDetail:
    """An experiment with its runs."""
    spec = ExperimentSpec.model_validate(experiment.spec)
    (summary,) = _summarize(session, [experiment])
    return ExperimentDetail(
        **dict(summary),
        spec=spec,
        cells=show_cells(session, experiment.id, now),
        differences=list(config_differences(setting_configs(spec))),
        warnings=experiment.warnings,
    )


def show_cells(session: Session, experiment_id: UUID, now: datetime) -> list[ExperimentCell]:
    """The cells of an experiment with their runs."""
    cells = list(load_cells(session, [experiment_id]))
    rows = session.scalars(sa.select(Run).where(Run.id.in_([cell.run_id for cell in cells]))).all()
    runs = {run.id: run for run in summarize(session, rows, now)}
    return [
        ExperimentCell.model_validate(
            {
                "model": cell.model,
                "dataset": cell.dataset,
                "setting": cell.setting,
                "kind": cell.kind,
                "seed": cell.seed,
                "run": runs[cell.run_id],
            }
        )
        for cell in cells
    ]


def rename(session: Session, experiment_id: UUID, name: str, now: datetime) -> ExperimentDetail:
    """Give an experiment another name; its runs keep theirs.

    Raises:
        NotFoundError: there is no such experiment.
    """
    experiment = load_experiment(session, experiment_id)
    experiment.name = clean_text(name)
    session.flush()
    return show(session, experiment, now)


def delete(session: Session, experiment_id: UUID) -> None:
    """Forget an experiment; its runs stay.

    Raises:
        NotFoundError: there is no such experiment.
    """
    experiment = load_experiment(session, experiment_id)
    cells = sa.delete(tables.ExperimentCell)
    session.execute(cells.where(tables.ExperimentCell.experiment_id == experiment_id))
    session.delete(experiment)


def _summarize(
    session: Session, experiments: Sequence[tables.Experiment]
) -> list[ExperimentSummary]:
    query = (
        sa.select(tables.ExperimentCell.experiment_id, Run.status, sa.func.count())
        .join(Run, Run.id == tables.ExperimentCell.run_id)
        .where(tables.ExperimentCell.experiment_id.in_([row.id for row in experiments]))
        .group_by(tables.ExperimentCell.experiment_id, Run.status)
    )
    counts: dict[UUID, Counter[RunStatus]] = defaultdict(Counter)
    for experiment_id, status, count in session.execute(query):
        counts[experiment_id][RunStatus(status)] = count
    return [_summary_of(experiment, counts[experiment.id]) for experiment in experiments]


def _summary_of(experiment: tables.Experiment, counts: Counter[RunStatus]) -> ExperimentSummary:
    spec = experiment.spec
    return ExperimentSummary(
        id=experiment.id,
        name=experiment.name,
        models=spec["models"],
        datasets=spec["datasets"],
        settings=[setting["name"] for setting in spec["settings"]],
        seeds=spec["seeds"],
        num_runs=counts.total(),
        runs_by_status=dict(counts),
        created_at=experiment.created_at,
    )


def setting_configs(spec: ExperimentSpec) -> dict[str, dict[str, Any]]:
    """Setting to the configuration of its runs, without what the experiment itself varies."""
    return {
        setting.name: spec.build_config(
            setting, spec.models[0], spec.datasets[0], spec.seeds[0]
        ).model_dump(mode="json", exclude={"kind", "model", "dataset", "seed"})
        for setting in spec.settings
    }
