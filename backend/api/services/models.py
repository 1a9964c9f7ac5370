"""Models that runs may start from."""

import re
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.api.schemas import ModelImport, ModelInfo
from backend.api.schemas_library import HubModelImport
from backend.api.services.disk import full_disk_named
from backend.api.services.hub import fetch, find_repo
from backend.api.services.import_folders import find_folder
from backend.api.services.model_import import ImportedModel, check_settings, import_model
from backend.api.services.temporary_folder import temporary_folder
from backend.contract.errors import ConflictError, ModelInvalidError, NotFoundError
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Model

HUB_FILES = re.compile(
    r"[A-Za-z0-9_.-]+\.(json|jinja)|merges\.txt|model[A-Za-z0-9._-]*\.safetensors"
)
"""Files of a repository that make a model: data, no code, and none in folders."""


def add_model(
    database: Database, settings: Settings, request: ModelImport, *, now: datetime
) -> ModelInfo:
    """Register a model folder completely, or not at all.

    Raises:
        NotFoundError: there is no such folder.
        ConflictError: the slug exists.
        ModelInvalidError: the folder is no model that can be trained safely.
    """
    folder = find_folder(settings, request.folder)
    _refuse_known(database, request.slug)
    imported = import_model(folder, request.slug, settings.paths)
    return _register(database, request, imported, source=f"folder {request.folder}", now=now)


def add_from_hub(
    database: Database, settings: Settings, request: HubModelImport, *, now: datetime
) -> ModelInfo:
    """Register a model of the hub completely, or not at all.

    Its settings are fetched and checked first: a model that is refused costs no download.

    Raises:
        ForbiddenError: the operator does not allow it, or the hub wants a token.
        NotFoundError: there is no such repository or revision.
        HubUnavailableError: the hub cannot be reached.
        ConflictError: the slug exists.
        ModelInvalidError: it is no model that can be trained safely.
        DiskFullError: the disk has no room.
    """
    _refuse_known(database, request.slug)
    repo = find_repo(settings, "model", request.repo_id, request.revision)
    with (
        full_disk_named("the model could not be stored"),
        temporary_folder(settings.paths) as folder,
    ):
        names = [name for name in repo.size_of if HUB_FILES.fullmatch(name)]
        weights = [name for name in names if name.endswith(".safetensors")]
        if not weights:
            raise ModelInvalidError(
                f"{repo.repo_id} has no weights as model*.safetensors; others are not fetched"
            )
        fetch(settings, repo, set(names) - set(weights), folder)
        check_settings(folder)
        fetch(settings, repo, weights, folder)
        imported = import_model(folder, request.slug, settings.paths)
    return _register(database, request, imported, source=repo.source, now=now)


def _refuse_known(database: Database, slug: str) -> None:
    with database.read_scope() as session:
        if session.scalar(sa.select(Model.id).where(Model.slug == slug)) is not None:
            raise ConflictError(f"a model {slug!r} exists already")


def _register(
    database: Database,
    request: ModelImport | HubModelImport,
    imported: ImportedModel,
    *,
    source: str,
    now: datetime,
) -> ModelInfo:
    model = Model(
        id=uuid4(),
        slug=request.slug,
        title=request.title,
        architecture=imported.architecture,
        num_parameters=imported.num_parameters,
        size_bytes=imported.size_bytes,
        created_at=now,
        source=source,
    )
    try:
        with database.session_scope() as session:
            session.add(model)
    except IntegrityError as e:
        raise ConflictError(f"a model {request.slug!r} exists already") from e
    return _show(model)


def list_models(session: Session) -> list[ModelInfo]:
    """All models by slug."""
    return [_show(model) for model in session.scalars(sa.select(Model).order_by(Model.slug))]


def show_model(session: Session, slug: str) -> ModelInfo:
    """One model.

    Raises:
        NotFoundError: there is none of that slug.
    """
    model = session.scalar(sa.select(Model).where(Model.slug == slug))
    if model is None:
        raise NotFoundError(f"there is no model {slug[:80]!a}")
    return _show(model)


def _show(model: Model) -> ModelInfo:
    return ModelInfo(
        id=model.id,
        slug=model.slug,
        title=model.title,
        architecture=model.architecture,
        num_parameters=model.num_parameters,
        size_bytes=model.size_bytes,
        created_at=model.created_at,
        source=model.source,
    )
