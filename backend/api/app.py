"""The application: routers, errors, front end, and what lives while it runs."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from backend.api.changefeed import Changefeed
from backend.api.dependencies import Platform, require_person, require_worker
from backend.api.documentation import ADDRESS as DOCS
from backend.api.documentation import Documentation, find_documentation
from backend.api.error_handlers import MEDIA_TYPE, install_error_handlers
from backend.api.front_end import FrontEnd, find_front_end
from backend.api.guard import Guard
from backend.api.janitor import Janitor
from backend.api.meters import Meters
from backend.api.queue import Doorbell
from backend.api.relay import Relay
from backend.api.routes import (
    archives,
    evaluations,
    experiments,
    health,
    library,
    metrics,
    monitoring,
    operation,
    runs,
    session,
    stream,
    trajectories,
    worker,
    workers,
)
from backend.api.schemas import Problem
from backend.api.services.credentials import load_tokens
from backend.api.services.storage import Storage
from backend.api.version import VERSION
from backend.contract.settings import Settings
from backend.database.migrate import upgrade
from backend.database.session import Database

PREFIX = "/api/v1"
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": Problem, "description": "Refused", "content": {MEDIA_TYPE: {}}},
}


def create_app(settings: Settings) -> FastAPI:
    """Build the application; database, relay and broker open when it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        platform = await anyio.to_thread.run_sync(_open_platform, settings, app.state.meters)
        app.state.platform = platform
        platform.relay.start()
        platform.janitor.start()
        polling = asyncio.create_task(platform.changefeed.poll())
        try:
            yield
        finally:
            platform.changefeed.close()
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling
            await anyio.to_thread.run_sync(_close_platform, platform)

    app = FastAPI(
        title="Maye",
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=_operation_id,
        responses=PROBLEM_RESPONSES,
    )
    for router in _build_routers():
        app.include_router(router)
    documentation = Documentation(find_documentation())
    app.router.routes += [Route(DOCS, documentation), Mount(DOCS, documentation)]
    app.router.default = FrontEnd(settings.static_dir or find_front_end())
    install_error_handlers(app)
    app.state.meters = meters = Meters()
    app.add_middleware(Guard, settings=settings, meters=meters)
    return app


def _build_routers() -> list[APIRouter]:
    """Open routes, routes of people, routes of workers."""
    for_people = APIRouter(prefix=PREFIX, dependencies=[Depends(require_person)])
    for module in (
        archives,
        runs,
        metrics,
        trajectories,
        evaluations,
        library,
        experiments,
        operation,
        stream,
        workers,
    ):
        for_people.include_router(module.router)
    for_people.include_router(_build_description())
    for_workers = APIRouter(prefix=PREFIX, dependencies=[Depends(require_worker)])
    for_workers.include_router(worker.router)
    open_api = APIRouter(prefix=PREFIX)
    open_api.include_router(session.router)
    return [health.router, monitoring.router, open_api, for_people, for_workers]


def _build_description() -> APIRouter:
    router = APIRouter()

    @router.get("/openapi.json", include_in_schema=False)
    def get_openapi(request: Request) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return JSONResponse(request.app.openapi())

    return router


def _operation_id(route: APIRoute) -> str:
    """The function's name: generated clients read like the routes."""
    return route.name


def _open_platform(settings: Settings, meters: Meters) -> Platform:
    settings.paths.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.resolved_import_dir.mkdir(parents=True, exist_ok=True)
    tokens = load_tokens(settings.paths)
    database = Database.from_settings(settings)
    upgrade(database)
    doorbell = Doorbell(settings.redis_url)
    storage = Storage(settings.paths, database)
    return Platform(
        settings=settings,
        database=database,
        tokens=tokens,
        doorbell=doorbell,
        relay=Relay(database, doorbell, settings),
        changefeed=Changefeed(database),
        meters=meters,
        storage=storage,
        janitor=Janitor(database, storage, settings),
    )


def _close_platform(platform: Platform) -> None:
    platform.relay.stop()
    platform.janitor.stop()
    platform.doorbell.close()
    platform.database.close()
