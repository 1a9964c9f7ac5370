"""Runs: create, list, show, cancel, history."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, status

from backend.api.dependencies import NowDep, PageDep, PlatformDep, RunId
from backend.api.schemas import (
    CheckpointInfo,
    RunChange,
    RunCreate,
    RunDetail,
    RunEvent,
    RunPage,
    RunResume,
)
from backend.api.services import checkpoints, deletion, run_views, runs
from backend.contract.runs import RunStatus

router = APIRouter(prefix="/runs", tags=["runs"])
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]


@router.post("", status_code=status.HTTP_201_CREATED)
def create_run(
    body: RunCreate, platform: PlatformDep, now: NowDep, idempotency_key: IdempotencyKey = None
) -> RunDetail:
    """Queue a run; the same Idempotency-Key with the same body gives the same run."""
    with platform.database.session_scope() as session:
        run = runs.create_run(
            session,
            body,
            home=platform.settings.paths,
            idempotency_key=idempotency_key,
            now=now,
        )
    platform.relay.wake()
    return run


@router.get("")
def list_runs(
    platform: PlatformDep,
    page: PageDep,
    now: NowDep,
    status: Annotated[RunStatus | None, Query()] = None,
) -> RunPage:
    """Runs, newest first."""
    with platform.database.read_scope() as session:
        return runs.list_runs(session, page, status, now=now)


@router.get("/{run_id}")
def get_run(run_id: RunId, platform: PlatformDep, now: NowDep) -> RunDetail:
    """One run with its configuration."""
    with platform.database.read_scope() as session:
        return run_views.show(session, run_views.load_run(session, run_id), now)


@router.patch("/{run_id}")
def change_run(run_id: RunId, body: RunChange, platform: PlatformDep, now: NowDep) -> RunDetail:
    """Rename a run, or change the priority of a queued one."""
    with platform.database.session_scope() as session:
        return runs.change_run(session, run_id, body, now=now)


@router.delete("/{run_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_run(run_id: RunId, platform: PlatformDep, now: NowDep) -> None:
    """Delete a run that has ended, with its metrics, responses, checkpoints and files."""
    with platform.database.session_scope() as session:
        deletion.delete_run(session, run_id, now=now)
    platform.relay.wake()


@router.post("/{run_id}/cancel", status_code=status.HTTP_202_ACCEPTED)
def cancel_run(run_id: RunId, platform: PlatformDep, now: NowDep) -> RunDetail:
    """Cancel a run: at once when it is queued, otherwise its runner is asked to stop."""
    with platform.database.session_scope() as session:
        run = runs.cancel_run(session, run_id, now=now)
    platform.relay.wake()
    return run


@router.post("/{run_id}/resume", status_code=status.HTTP_202_ACCEPTED)
def resume_run(run_id: RunId, body: RunResume, platform: PlatformDep, now: NowDep) -> RunDetail:
    """Queue a failed or cancelled run again: it goes on from its newest checkpoint."""
    with platform.database.session_scope() as session:
        run = runs.resume_run(session, run_id, is_forced=body.force, now=now)
    platform.relay.wake()
    return run


@router.get("/{run_id}/events")
def list_run_events(run_id: RunId, platform: PlatformDep) -> list[RunEvent]:
    """The run's history, oldest first."""
    with platform.database.read_scope() as session:
        return runs.list_events(session, run_id)


@router.get("/{run_id}/checkpoints")
def list_checkpoints(run_id: RunId, platform: PlatformDep) -> list[CheckpointInfo]:
    """Announced checkpoints, newest first: which are kept, the last and the best."""
    with platform.database.read_scope() as session:
        return checkpoints.list_checkpoints(session, platform.settings.paths, run_id)
