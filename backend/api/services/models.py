"""Models that runs may start from."""

from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.api.schemas import ModelImport, ModelInfo
from backend.api.services.import_folders import find_folder
from backend.api.services.model_import import import_model
from backend.contract.errors import ConflictError, NotFoundError
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Model


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
    with database.read_scope() as session:
        if session.scalar(sa.select(Model.id).where(Model.slug == request.slug)) is not None:
            raise ConflictError(f"a model {request.slug!r} exists already")
    imported = import_model(folder, request.slug, settings.paths)
    model = Model(
        id=uuid4(),
        slug=request.slug,
        title=request.title,
        architecture=imported.architecture,
        num_parameters=imported.num_parameters,
        size_bytes=imported.size_bytes,
        created_at=now,
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
    )
