"""Archives: a run as one file, and a file opened as a run."""

from collections.abc import Mapping
from functools import partial
from typing import Any, BinaryIO

import anyio.to_thread
from fastapi import APIRouter, Request, Response, status
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from backend.api.dependencies import NowDep, PlatformDep, RunId
from backend.api.schemas import RunDetail
from backend.api.services.archive_export import write_archive
from backend.api.services.archive_import import open_run
from backend.api.services.disk import full_disk_named, open_temporary
from backend.contract.errors import ArchiveInvalidError

router = APIRouter(tags=["archives"])
MEDIA_TYPE = "application/zip"
CHUNK_BYTES = 2**18
A_ZIP: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/runs/{run_id}/archive",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: A_ZIP}, "description": "The archive"}},
)
def export_run(run_id: RunId, platform: PlatformDep) -> StreamingResponse:
    """A run that has ended as one zip, which any Maye opens; checkpoints stay here.

    It is made before it is sent: what goes wrong on the way is an error, not half a file.
    """
    file = open_temporary(platform.settings.paths)
    try:
        with full_disk_named("the archive could not be made"):
            name = write_archive(platform.database, platform.settings, run_id, file)
        size_bytes = file.tell()
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(size_bytes),
    }
    return _Download(file, media_type=MEDIA_TYPE, headers=headers)


class _Download(StreamingResponse):
    """Sends a file and closes it, even when nobody takes the first byte."""

    def __init__(self, file: BinaryIO, *, media_type: str, headers: Mapping[str, str]) -> None:
        file.seek(0)
        chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
        super().__init__(chunks, media_type=media_type, headers=headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


@router.post(
    "/archives",
    status_code=status.HTTP_201_CREATED,
    responses={200: {"model": RunDetail, "description": "It was opened before: that run"}},
    openapi_extra={"requestBody": {"required": True, "content": {MEDIA_TYPE: A_ZIP}}},
)
async def open_archive(
    request: Request, response: Response, platform: PlatformDep, now: NowDep
) -> RunDetail:
    """Open an archive as a run that can be read: completely, or not at all.

    The body is the file itself, up to MAYE_MAX_UPLOAD_BYTES.
    """
    with (
        full_disk_named("the archive could not be stored"),
        open_temporary(platform.settings.paths) as file,
    ):
        try:
            async for chunk in request.stream():
                await anyio.to_thread.run_sync(file.write, chunk)
        except ClientDisconnect as e:
            raise ArchiveInvalidError("the upload ended before the file did") from e
        opening = partial(open_run, platform.database, platform.settings, file, now=now)
        run, is_new = await anyio.to_thread.run_sync(opening)
    if not is_new:
        response.status_code = status.HTTP_200_OK
    return run
