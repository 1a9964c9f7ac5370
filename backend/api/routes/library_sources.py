"""Data sets from an upload or the hub, models from the hub."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Query, Request, status
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from backend.api.dependencies import NowDep, PlatformDep
from backend.api.schemas import DatasetInfo, ModelInfo
from backend.api.schemas_library import HubDatasetImport, HubModelImport
from backend.api.services import dataset_sources, models
from backend.api.services.dataset_sources import UploadKind
from backend.api.services.disk import full_disk_named
from backend.api.services.temporary_folder import make_temporary_folder, remove_folder
from backend.contract.datasets import DatasetManifest
from backend.contract.errors import InvalidInputError

router = APIRouter(tags=["library"])
KINDS: dict[str, UploadKind] = {
    "application/zip": "zip",
    "application/vnd.apache.parquet": "parquet",
}
A_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
Manifest = Annotated[
    str | None,
    Query(max_length=16_384, description="DatasetManifest as JSON, in place of dataset.yaml"),
]


@router.post(
    "/datasets/upload",
    status_code=status.HTTP_201_CREATED,
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(KINDS, A_FILE)}},
)
async def upload_dataset(
    request: Request, platform: PlatformDep, now: NowDep, manifest: Manifest = None
) -> DatasetInfo:
    """Import a zip with a dataset.yaml, or a parquet file: completely, or not at all.

    The body is the file itself, up to MAYE_MAX_UPLOAD_BYTES.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = KINDS.get(media_type)
    if kind is None:
        raise InvalidInputError(f"Content-Type is {media_type!a}, allowed: {', '.join(KINDS)}")
    about = None if manifest is None else _parse_manifest(manifest)
    folder = await anyio.to_thread.run_sync(make_temporary_folder, platform.settings.paths)
    upload = folder / "upload"
    try:
        with full_disk_named("the upload could not be stored"):
            await _receive(request, upload)
        importing = partial(
            dataset_sources.add_uploaded,
            *(platform.database, platform.settings, upload, about),
            kind=kind,
            now=now,
        )
        return await anyio.to_thread.run_sync(importing)
    finally:
        # Removing many files takes a while, which nobody else should wait for.
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(remove_folder, folder)


async def _receive(request: Request, upload: Path) -> None:
    try:
        async with await anyio.open_file(upload, "xb") as file:
            async for chunk in request.stream():
                await file.write(chunk)
    except ClientDisconnect as e:
        raise InvalidInputError("the upload ended before the file did") from e


def _parse_manifest(text: str) -> DatasetManifest:
    try:
        return DatasetManifest.model_validate_json(text)
    except ValidationError as e:
        problem = e.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise InvalidInputError(f"manifest: {ascii(where)[1:-1]}: {problem['msg'][:300]}") from e


@router.post("/datasets/hub", status_code=status.HTTP_201_CREATED)
def import_hub_dataset(body: HubDatasetImport, platform: PlatformDep, now: NowDep) -> DatasetInfo:
    """Import a data set from the hub; the answer comes when all of it is stored."""
    return dataset_sources.add_from_hub(platform.database, platform.settings, body, now=now)


@router.post("/models/hub", status_code=status.HTTP_201_CREATED)
def import_hub_model(body: HubModelImport, platform: PlatformDep, now: NowDep) -> ModelInfo:
    """Register a model from the hub, data and no code; the answer comes when it is stored."""
    return models.add_from_hub(platform.database, platform.settings, body, now=now)
