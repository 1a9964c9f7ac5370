"""Data sets, models and presets."""

from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Query, status
from fastapi.responses import FileResponse
from pydantic import BaseModel

from backend.api.dependencies import NowDep, PageDep, PlatformDep, SlugPath
from backend.api.routes import library_sources
from backend.api.schemas import (
    DatasetInfo,
    DatasetItemPage,
    FolderImport,
    ModelImport,
    ModelInfo,
    PresetInfo,
)
from backend.api.services import datasets, models, presets
from backend.contract.config import EvaluationRunConfig, RLConfig, RunKind, SFTConfig
from backend.contract.datasets import SplitName

router = APIRouter(tags=["library"])
router.include_router(library_sources.router)
CONFIG_OF_KIND: MappingProxyType[RunKind, type[BaseModel]] = MappingProxyType(
    {"rl": RLConfig, "sft": SFTConfig, "evaluation": EvaluationRunConfig}
)


@router.get("/datasets")
def list_datasets(platform: PlatformDep) -> list[DatasetInfo]:
    """All data sets."""
    with platform.database.read_scope() as session:
        return datasets.list_datasets(session)


@router.post("/datasets", status_code=status.HTTP_201_CREATED)
def import_dataset(body: FolderImport, platform: PlatformDep, now: NowDep) -> DatasetInfo:
    """Import a folder of MAYE_IMPORT_DIR: completely, or not at all."""
    return datasets.add_dataset(platform.database, platform.settings, body, now=now)


@router.get("/datasets/{slug}")
def get_dataset(slug: SlugPath, platform: PlatformDep) -> DatasetInfo:
    """One data set."""
    with platform.database.read_scope() as session:
        return datasets.show_dataset(session, slug)


@router.get("/datasets/{slug}/items")
def list_dataset_items(
    slug: SlugPath,
    platform: PlatformDep,
    page: PageDep,
    split: Annotated[SplitName | None, Query()] = None,
) -> DatasetItemPage:
    """Problems in file order."""
    with platform.database.read_scope() as session:
        return datasets.list_items(session, slug, split, page)


@router.get(
    "/datasets/{slug}/images/{sha256}",
    response_class=FileResponse,
    responses={200: {"content": {"image/*": {}}, "description": "The picture"}},
)
def get_dataset_image(slug: SlugPath, sha256: str, platform: PlatformDep) -> FileResponse:
    """A picture, named by the hash of its content."""
    with platform.database.read_scope() as session:
        picture = datasets.find_picture(session, platform.settings.paths, slug, sha256)
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"{sha256}"'}
    return FileResponse(picture.path, media_type=picture.media_type, headers=headers)


@router.get("/models")
def list_models(platform: PlatformDep) -> list[ModelInfo]:
    """All models."""
    with platform.database.read_scope() as session:
        return models.list_models(session)


@router.post("/models", status_code=status.HTTP_201_CREATED)
def import_model(body: ModelImport, platform: PlatformDep, now: NowDep) -> ModelInfo:
    """Register a model folder of MAYE_IMPORT_DIR."""
    return models.add_model(platform.database, platform.settings, body, now=now)


@router.get("/models/{slug}")
def get_model(slug: SlugPath, platform: PlatformDep) -> ModelInfo:
    """One model."""
    with platform.database.read_scope() as session:
        return models.show_model(session, slug)


@router.get("/presets")
def list_presets(platform: PlatformDep) -> list[PresetInfo]:
    """Ready configurations; one that cannot be launched now says why."""
    with platform.database.read_scope() as session:
        return presets.list_presets(session)


@router.get("/schemas/run-config")
def get_run_config_schema(kind: RunKind = "rl") -> dict[str, Any]:
    """The JSON schema that the launch form of a kind of run is made from."""
    return CONFIG_OF_KIND[kind].model_json_schema()
