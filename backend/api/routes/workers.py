"""Workers: list, drain, forget."""

from typing import Annotated

from fastapi import APIRouter, Path, status

from backend.api.dependencies import NowDep, PlatformDep
from backend.api.schemas_workers import WorkerInfo
from backend.api.services import workers
from backend.contract.settings import WORKER_NAME_PATTERN

router = APIRouter(prefix="/workers", tags=["workers"])
WorkerNamePath = Annotated[str, Path(alias="name", pattern=WORKER_NAME_PATTERN)]


@router.get("")
def list_workers(platform: PlatformDep, now: NowDep) -> list[WorkerInfo]:
    """All known workers by name, with their devices and what holds them."""
    with platform.database.read_scope() as session:
        return workers.list_workers(session, now=now)


@router.post("/{name}/drain")
def drain_worker(name: WorkerNamePath, platform: PlatformDep, now: NowDep) -> WorkerInfo:
    """Let a worker finish what it has and take nothing new."""
    with platform.database.session_scope() as session:
        return workers.set_draining(session, name, is_draining=True, now=now)


@router.post("/{name}/undrain")
def undrain_worker(name: WorkerNamePath, platform: PlatformDep, now: NowDep) -> WorkerInfo:
    """Let a worker take runs again."""
    with platform.database.session_scope() as session:
        worker = workers.set_draining(session, name, is_draining=False, now=now)
    for kind in worker.kinds:
        platform.doorbell.ring(kind)
    return worker


@router.delete("/{name}", status_code=status.HTTP_204_NO_CONTENT)
def forget_worker(name: WorkerNamePath, platform: PlatformDep, now: NowDep) -> None:
    """Take an absent worker out of the list; it comes back when it announces itself."""
    with platform.database.session_scope() as session:
        workers.forget_worker(session, name, now=now)
