"""Whether the process lives and can work; open to everybody, tells nothing else."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from backend.api.dependencies import NowDep, Platform, PlatformDep
from backend.contract.disk import DiskState, read_space
from backend.database.migrate import is_at_head
from backend.database.tables import SignedIn

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """What the process needs, each in a word."""

    status: Literal["ok", "degraded", "unavailable"]
    database: str
    broker: str
    disk: str
    """ok, low or full; anything but ok with its numbers."""


@router.get("/healthz")
async def get_health() -> Health:
    """The process answers; nothing else is asked."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness}})
def get_readiness(platform: PlatformDep, now: NowDep) -> JSONResponse:
    """The database can be written; without broker or room on the disk, runs start late."""
    database = _probe_database(platform, now)
    settings = platform.settings
    space = read_space(settings.paths.root, settings.min_free_disk_bytes)
    broker = platform.doorbell.state
    status = "ok"
    if database != "ok" or platform.changefeed.is_closing:
        status = "unavailable"
    elif broker == "unreachable" or space.state is DiskState.FULL:
        status = "degraded"
    disk = "ok" if space.state is DiskState.OK else f"{space.state}: {space.describe()}"
    body = Readiness(status=status, database=database, broker=broker, disk=disk)
    return JSONResponse(body.model_dump(), 503 if status == "unavailable" else 200)


def _probe_database(platform: Platform, now: datetime) -> str:
    try:
        with platform.database.session_scope() as session:
            session.execute(sa.delete(SignedIn).where(SignedIn.expires_at < now))
            return "ok" if is_at_head(session.connection()) else "schema is not current"
    except SQLAlchemyError as e:
        return f"not writable ({type(e).__name__})"
