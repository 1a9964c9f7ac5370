"""Traced RL steps."""

from fastapi import APIRouter

from backend.api.dependencies import PlatformDep, RunId
from backend.api.schemas_traces import Trajectory, TrajectoryIndex
from backend.api.services import trajectories

router = APIRouter(prefix="/runs/{run_id}/trajectories", tags=["trajectories"])


@router.get("")
def list_trajectories(run_id: RunId, platform: PlatformDep) -> TrajectoryIndex:
    """Which steps and responses of a run are traced."""
    with platform.database.read_scope() as session:
        return trajectories.list_trajectories(session, platform.settings.paths, run_id)


@router.get("/{rl_step}/{index}")
def get_trajectory(
    run_id: RunId,
    rl_step: int,
    index: int,
    platform: PlatformDep,
) -> Trajectory:
    """One response of a traced step with every tensor of the four steps."""
    with platform.database.read_scope() as session:
        return trajectories.load_trajectory(
            session, platform.settings.paths, run_id, rl_step, index
        )
