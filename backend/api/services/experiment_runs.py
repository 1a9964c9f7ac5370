"""The runs of an experiment: which there are, how they are created, re-run and cancelled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import RunCreate
from backend.api.services.run_views import load_run
from backend.api.services.runs import Once, cancel_run, queue_run
from backend.contract.artifacts import Home
from backend.contract.config import AnyRunConfig, parse_config
from backend.contract.errors import IllegalTransitionError, NotFoundError
from backend.contract.experiments import ExperimentSetting, ExperimentSpec
from backend.contract.runs import RunStatus
from backend.database.session import RUN_COUNTER, lock_counter
from backend.database.tables import Run
from backend.database.tables_experiments import Experiment, ExperimentCell

SHAREABLE = (RunStatus.QUEUED, RunStatus.STARTING, RunStatus.RUNNING, RunStatus.SUCCEEDED)
"""States in which a vanilla evaluation is, or will be, a result."""
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class Planned:
    """A cell before it has a run."""

    position: int
    """Order of the experiment."""
    model: str
    """Slug of the model."""
    dataset: str
    """Slug of the data set."""
    setting: ExperimentSetting
    """What is done to the model."""
    seed: int | None
    """None for vanilla."""


def plan_cells(spec: ExperimentSpec) -> list[Planned]:
    """All cells by model, data set, setting and seed; vanilla has one whatever the seeds."""
    triples = [
        (model, dataset, setting)
        for model in spec.models
        for dataset in spec.datasets
        for setting in spec.settings
    ]
    return [
        Planned(position, model, dataset, setting, seed)
        for position, (model, dataset, setting, seed) in enumerate(
            (*triple, seed) for triple in triples for seed in _seeds_of(spec, triple[2])
        )
    ]


def create_cells(session: Session, experiment: Experiment, home: Home, *, now: datetime) -> None:
    """Queue every run of an experiment, in the caller's transaction.

    A seed of everything comes before the next one, so that settings can be compared early.
    """
    spec = ExperimentSpec.model_validate(experiment.spec)
    order = {None: -1} | {seed: index for index, seed in enumerate(spec.seeds)}
    for cell in sorted(plan_cells(spec), key=lambda cell: (order[cell.seed], cell.position)):
        config = spec.build_config(cell.setting, cell.model, cell.dataset, cell.seed or 0)
        shared = _find_shared(session, config) if cell.setting.kind == "vanilla" else None
        session.add(
            ExperimentCell(
                experiment_id=experiment.id,
                position=cell.position,
                model=cell.model,
                dataset=cell.dataset,
                setting=cell.setting.name,
                kind=cell.setting.kind,
                seed=cell.seed,
                run_id=shared
                or _create(
                    session,
                    RunCreate(
                        name=_name(experiment.name, cell), config=config, priority=spec.priority
                    ),
                    home,
                    now=now,
                ),
            )
        )
        session.flush()


def rerun(session: Session, experiment_id: UUID, run_id: UUID, home: Home, *, now: datetime) -> int:
    """Queue a new run with the same configuration in a cell's place; the old run stays.

    Returns:
        Position of the cell.

    Raises:
        NotFoundError: the run is in no cell of the experiment.
        IllegalTransitionError: it has not ended.
    """
    cell = session.scalar(
        sa.select(ExperimentCell)
        .where(ExperimentCell.experiment_id == experiment_id, ExperimentCell.run_id == run_id)
        .with_for_update()
    )
    if cell is None:
        raise NotFoundError(f"run {run_id} is no run of experiment {experiment_id}")
    run = load_run(session, run_id)
    if not RunStatus(run.status).is_terminal:
        raise IllegalTransitionError(
            f"a run that is {run.status} cannot be re-run (allowed: succeeded, failed, cancelled)"
        )
    request = RunCreate(name=run.name, config=parse_config(run.config), priority=run.priority)
    cell.run_id = _create(session, request, home, now=now)
    session.flush()
    return cell.position


def cancel_all(session: Session, experiment_id: UUID, *, now: datetime) -> None:
    """Cancel what has not ended; a vanilla evaluation that another experiment shares goes on."""
    lock_counter(session, RUN_COUNTER)
    elsewhere = sa.select(ExperimentCell.run_id).where(
        ExperimentCell.experiment_id != experiment_id
    )
    query = (
        sa.select(Run)
        .join(ExperimentCell, ExperimentCell.run_id == Run.id)
        .where(ExperimentCell.experiment_id == experiment_id, Run.id.not_in(elsewhere))
        # The newest first: else ending one would let the platform start the next.
        .order_by(Run.number.desc())
        .with_for_update(key_share=True, of=Run)
    )
    for run in session.scalars(query).all():
        if not RunStatus(run.status).is_terminal:
            cancel_run(session, run.id, now=now)


def load_cells(session: Session, experiment_ids: Sequence[UUID]) -> Iterator[ExperimentCell]:
    """The cells of experiments, in order."""
    yield from session.scalars(
        sa.select(ExperimentCell)
        .where(ExperimentCell.experiment_id.in_(experiment_ids))
        .order_by(ExperimentCell.experiment_id, ExperimentCell.position)
    )


def _seeds_of(spec: ExperimentSpec, setting: ExperimentSetting) -> tuple[int | None, ...]:
    return (None,) if setting.kind == "vanilla" else spec.seeds


def _find_shared(session: Session, config: AnyRunConfig) -> UUID | None:
    """A run with the same configuration whose result can be used, one that has ended first."""
    query = sa.select(Run).where(
        Run.kind == config.kind,
        Run.model == config.model,
        Run.dataset == config.dataset,
        Run.status.in_(SHAREABLE),
    )
    same = [run for run in session.scalars(query) if parse_config(run.config) == config]
    best = min(
        same,
        key=lambda run: (run.status != RunStatus.SUCCEEDED, run.number),
        default=None,
    )
    return best.id if best else None


def _create(session: Session, request: RunCreate, home: Home, *, now: datetime) -> UUID:
    return queue_run(session, request, Once.of(None, request), home=home, now=now).id


def _name(experiment: str, cell: Planned) -> str:
    seed = "" if cell.seed is None else f", seed {cell.seed}"
    what = f": {cell.setting.name}{seed} ({cell.model} on {cell.dataset})"
    return experiment[: MAX_NAME - len(what)] + what
