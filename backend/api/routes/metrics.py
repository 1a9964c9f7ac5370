"""What runs have logged: metrics, responses, output."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.api.dependencies import PlatformDep, RunId
from backend.api.schemas import LogTail, MetricKey, SamplePage, Series
from backend.api.schemas_steps import StepPage
from backend.api.services import logged_steps, logs, metrics, samples
from backend.contract.messages import MAX_STEP, StepNumber
from backend.contract.metrics import CATALOGUE, Metric

router = APIRouter(tags=["metrics"])
Key = Annotated[str, Query(min_length=1, max_length=300)]


@router.get("/runs/{run_id}/metrics")
def list_metric_keys(run_id: RunId, platform: PlatformDep) -> list[MetricKey]:
    """The metrics that the run has logged."""
    with platform.database.read_scope() as session:
        return metrics.list_keys(session, run_id)


@router.get("/runs/{run_id}/series")
def get_series(
    run_id: RunId,
    platform: PlatformDep,
    keys: Annotated[list[Key], Query(min_length=1, max_length=100)],
    max_points: Annotated[int, Query(ge=2, le=5000)] = 500,
) -> list[Series]:
    """Points of metrics, each bucket's minimum and maximum kept."""
    with platform.database.read_scope() as session:
        return metrics.load_series(session, run_id, keys, max_points)


@router.get("/runs/{run_id}/steps")
def list_steps(
    run_id: RunId,
    platform: PlatformDep,
    keys: Annotated[list[Key] | None, Query(max_length=500)] = None,
    after: Annotated[int, Query(ge=-1, le=MAX_STEP)] = -1,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> StepPage:
    """Every value that was logged, step by step: for export and computation."""
    with platform.database.read_scope() as session:
        return logged_steps.load_steps(session, run_id, keys, after=after, limit=limit)


@router.get("/runs/{run_id}/samples")
def get_samples(
    run_id: RunId,
    platform: PlatformDep,
    step: Annotated[StepNumber | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> SamplePage:
    """Responses of a step, of the newest one by default."""
    with platform.database.read_scope() as session:
        return samples.load_samples(session, run_id, step, limit=limit, offset=offset)


@router.get("/runs/{run_id}/log")
def get_log(
    run_id: RunId,
    platform: PlatformDep,
    max_bytes: Annotated[int, Query(ge=1, le=1_048_576)] = 65_536,
    after: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
) -> LogTail:
    """The end of the run's output, or what follows the cursor `after`."""
    with platform.database.read_scope() as session:
        if after is not None:
            return logs.load_after(session, run_id, after, max_bytes)
        return logs.load_tail(session, run_id, max_bytes)


@router.get("/metric-catalogue")
def list_metric_catalogue() -> list[Metric]:
    """Every metric that a run may log, with title, unit, definition and source."""
    return list(CATALOGUE.values())
