"""The event stream: what has changed, in the order of the one counter, resumable."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT

from backend.api.dependencies import Platform, PlatformDep
from backend.api.services.changes import Changes, collect_changes
from backend.contract.messages import StepNumber

router = APIRouter(tags=["stream"])
KEEPALIVE_S = 15.0
RETRY_MS = 1000


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events"}},
)
async def stream(
    platform: PlatformDep,
    runs: Annotated[list[UUID] | None, Query(max_length=100)] = None,
    after: Annotated[StepNumber | None, Query()] = None,
    last_event_id: Annotated[str | None, Header(max_length=40)] = None,
) -> StreamingResponse:
    """Server-sent events `hello`, `worker`, `run`, `deleted`, `metrics`, `samples` and `log`.

    Starts after Last-Event-ID, else after `after`, else now.
    """
    newest = await anyio.to_thread.run_sync(platform.changefeed.read)
    wanted = after
    if last_event_id and last_event_id.isascii() and last_event_id.isdigit():
        wanted = int(last_event_id)
    # A number from the future belongs to another database: what it counted is not here.
    position = newest if wanted is None else min(wanted, newest)
    return StreamingResponse(
        _tell(platform, position, frozenset(runs or ())),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _tell(platform: Platform, position: int, runs: frozenset[UUID]) -> AsyncIterator[bytes]:
    feed = platform.changefeed
    feed.num_clients += 1
    try:
        hello = _format("hello", f'{{"counter": {position}}}', position)
        yield f"retry: {RETRY_MS}\n".encode() + hello
        while not feed.is_closing:
            changes = await anyio.to_thread.run_sync(_look, platform, position, runs)
            if changes.changes:
                yield b"".join(_format(c.event, c.data, c.seq) for c in changes.changes)
            if changes.last > position:
                position = changes.last
            elif not await feed.wait_beyond(position, KEEPALIVE_S):
                yield KEEPALIVE_COMMENT
    finally:
        feed.num_clients -= 1


def _look(platform: Platform, position: int, runs: frozenset[UUID]) -> Changes:
    with platform.database.read_scope() as session:
        return collect_changes(session, position, runs, now=datetime.now(UTC))


def _format(event: str, data: str, event_id: int | None) -> bytes:
    identity = "" if event_id is None else f"id: {event_id}\n"
    return f"event: {event}\ndata: {data}\n{identity}\n".encode("ascii")
