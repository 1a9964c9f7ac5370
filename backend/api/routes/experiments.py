"""Experiments: create, list, show, re-run, cancel, rename, delete, and their presets."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, status

from backend.analysis.report import Report, Spread
from backend.api.dependencies import NowDep, PageDep, PlatformDep, RunId
from backend.api.routes import experiment_exports
from backend.api.schemas_experiments import (
    ExperimentCell,
    ExperimentDetail,
    ExperimentPage,
    ExperimentPresetInfo,
    ExperimentRename,
)
from backend.api.services import (
    deletion,
    experiment_report,
    experiment_runs,
    experiments,
    presets,
)
from backend.contract.experiments import ExperimentSpec

router = APIRouter(tags=["experiments"])
router.include_router(experiment_exports.router)
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]
ExperimentId = Annotated[UUID, Path(alias="experiment_id")]
SpreadQuery = Annotated[Spread, Query()]


@router.post("/experiments", status_code=status.HTTP_201_CREATED)
def create_experiment(
    body: ExperimentSpec,
    platform: PlatformDep,
    now: NowDep,
    idempotency_key: IdempotencyKey = None,
) -> ExperimentDetail:
    """Queue all runs of an experiment at once; refused where its settings cannot be compared."""
    with platform.database.session_scope() as session:
        experiment = experiments.create_experiment(
            session,
            body,
            home=platform.settings.paths,
            idempotency_key=idempotency_key,
            now=now,
        )
    platform.relay.wake()
    return experiment


@router.get("/experiments")
def list_experiments(platform: PlatformDep, page: PageDep) -> ExperimentPage:
    """Experiments, newest first."""
    with platform.database.read_scope() as session:
        return experiments.list_experiments(session, page)


@router.get("/experiments/{experiment_id}")
def get_experiment(
    experiment_id: ExperimentId, platform: PlatformDep, now: NowDep
) -> ExperimentDetail:
    """One experiment with its runs, and where its settings' configurations differ."""
    with platform.database.read_scope() as session:
        experiment = experiments.load_experiment(session, experiment_id)
        return experiments.show(session, experiment, now)


@router.patch("/experiments/{experiment_id}")
def rename_experiment(
    experiment_id: ExperimentId, body: ExperimentRename, platform: PlatformDep, now: NowDep
) -> ExperimentDetail:
    """Give an experiment another name."""
    with platform.database.session_scope() as session:
        return experiments.rename(session, experiment_id, body.name, now)


@router.delete("/experiments/{experiment_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_experiment(
    experiment_id: ExperimentId,
    platform: PlatformDep,
    now: NowDep,
    with_runs: Annotated[bool, Query()] = False,
) -> None:
    """Forget an experiment; its runs stay, unless they are to go with it and no other has them."""
    with platform.database.session_scope() as session:
        deletion.delete_experiment(session, experiment_id, with_runs=with_runs, now=now)
    platform.relay.wake()


@router.post("/experiments/{experiment_id}/cancel", status_code=status.HTTP_202_ACCEPTED)
def cancel_experiment(
    experiment_id: ExperimentId, platform: PlatformDep, now: NowDep
) -> ExperimentDetail:
    """Cancel all its runs that have not ended, save those that another experiment shares."""
    with platform.database.session_scope() as session:
        experiment = experiments.load_experiment(session, experiment_id)
        experiment_runs.cancel_all(session, experiment_id, now=now)
        detail = experiments.show(session, experiment, now)
    platform.relay.wake()
    return detail


@router.post(
    "/experiments/{experiment_id}/runs/{run_id}/rerun", status_code=status.HTTP_201_CREATED
)
def rerun_experiment_run(
    experiment_id: ExperimentId, run_id: RunId, platform: PlatformDep, now: NowDep
) -> ExperimentCell:
    """Queue a new run in the place of one that has ended; the old one stays in the run list."""
    home = platform.settings.paths
    with platform.database.session_scope() as session:
        experiments.load_experiment(session, experiment_id)
        position = experiment_runs.rerun(session, experiment_id, run_id, home, now=now)
        cell = experiments.show_cells(session, experiment_id, now)[position]
    platform.relay.wake()
    return cell


@router.get("/experiments/{experiment_id}/report")
def get_report(
    experiment_id: ExperimentId,
    platform: PlatformDep,
    now: NowDep,
    spread: SpreadQuery = "population",
) -> Report:
    """Table, figures and findings, from what the runs have logged so far."""
    with platform.database.read_scope() as session:
        return experiment_report.make_report(session, experiment_id, spread, now)


@router.get("/presets/experiments")
def list_experiment_presets(platform: PlatformDep) -> list[ExperimentPresetInfo]:
    """Ready experiments; one that cannot be launched now says why."""
    with platform.database.read_scope() as session:
        return presets.list_experiment_presets(session)
