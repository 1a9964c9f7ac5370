"""Data sets: import, list, look at problems and pictures."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.api.schemas import DatasetInfo, DatasetItemPage, FolderImport, SplitInfo
from backend.api.schemas import DatasetItem as DatasetItemBody
from backend.api.services.cursors import decode_cursor, encode_cursor
from backend.api.services.dataset_import import ImportedDataset, import_dataset, load_manifest
from backend.api.services.import_folders import find_folder
from backend.api.services.runs import PageRequest
from backend.contract.artifacts import Home
from backend.contract.datasets import DatasetManifest
from backend.contract.errors import ConflictError, NotFoundError
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Dataset, DatasetItem

SPLIT_ORDER = ("train", "validation", "test")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture."""

    path: Path
    """Its file."""
    media_type: str
    """From its first bytes, never from a name."""


def add_dataset(
    database: Database, settings: Settings, request: FolderImport, *, now: datetime
) -> DatasetInfo:
    """Import a folder completely, or not at all.

    Raises:
        NotFoundError: there is no such folder.
        ConflictError: the slug exists.
        DatasetInvalidError: lists every bad row.
    """
    folder = find_folder(settings, request.folder)
    manifest = request.manifest or load_manifest(folder)
    source = f"folder {request.folder}"
    return add_folder(database, settings, folder, manifest, source=source, now=now)


def add_folder(
    database: Database,
    settings: Settings,
    folder: Path,
    manifest: DatasetManifest,
    *,
    source: str,
    now: datetime,
) -> DatasetInfo:
    """Check a folder, store what is in it, and register it: completely, or not at all.

    Args:
        database: Where it is registered.
        settings: Say where it is stored.
        folder: Holds the files that the manifest names.
        manifest: What it is.
        source: Where it comes from, for people.
        now: When it was imported.

    Raises:
        ConflictError: The slug exists.
        DatasetInvalidError: Lists every bad row.
    """
    with database.read_scope() as session:
        _refuse_known(session, manifest.slug)
    imported = import_dataset(folder, manifest, settings.paths)
    try:
        with database.session_scope() as session:
            return _store(session, imported, source, now)
    except IntegrityError as e:
        raise ConflictError(f"a data set {manifest.slug!r} exists already") from e


def list_datasets(session: Session) -> list[DatasetInfo]:
    """All data sets by slug, but for what archives of runs brought along."""
    whole = sa.select(Dataset).where(Dataset.is_partial.is_(False))
    datasets = session.scalars(whole.order_by(Dataset.slug)).all()
    return [_show(session, dataset) for dataset in datasets]


def show_dataset(session: Session, slug: str) -> DatasetInfo:
    """One data set.

    Raises:
        NotFoundError: there is none of that slug.
    """
    return _show(session, _load(session, slug))


def list_items(
    session: Session, slug: str, split: str | None, page: PageRequest
) -> DatasetItemPage:
    """A page of problems in file order, of one split or of all.

    Raises:
        NotFoundError: there is no data set of that slug.
        InvalidInputError: the cursor is none of ours.
    """
    dataset = _load(session, slug)
    key = sa.tuple_(DatasetItem.split, DatasetItem.row)
    query = sa.select(DatasetItem).where(DatasetItem.dataset_id == dataset.id)
    if split is not None:
        query = query.where(DatasetItem.split == split)
    if page.cursor is not None:
        last_split, last_row = decode_cursor(page.cursor, 2)
        query = query.where(key > sa.tuple_(last_split, int(last_row)))
    rows = session.scalars(
        query.order_by(DatasetItem.split, DatasetItem.row).limit(page.limit + 1)
    ).all()
    shown = rows[: page.limit]
    has_more = len(rows) > page.limit
    return DatasetItemPage(
        items=[
            DatasetItemBody(
                split=item.split,
                item_id=item.item_id,
                row=item.row,
                question=item.question,
                answer=item.answer,
                solution=item.solution,
                category=item.category,
                difficulty=item.difficulty,
                image_sha256=item.image_sha256,
            )
            for item in shown
        ],
        next_cursor=encode_cursor(shown[-1].split, shown[-1].row) if has_more else None,
    )


def find_picture(session: Session, home: Home, slug: str, sha256: str) -> Picture:
    """A picture of a data set.

    Raises:
        NotFoundError: there is no such data set or picture.
    """
    dataset = _load(session, slug)
    path = home.dataset(dataset.slug) / "images" / sha256
    if not _SHA256.fullmatch(sha256) or path.is_symlink() or not path.is_file():
        raise NotFoundError(f"data set {slug!r} has no such picture")
    with path.open("rb") as file:
        return Picture(path, _media_type(file.read(16)))


def _media_type(start: bytes) -> str:
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return "application/octet-stream"


def _load(session: Session, slug: str) -> Dataset:
    dataset = session.scalar(sa.select(Dataset).where(Dataset.slug == slug))
    if dataset is None:
        raise NotFoundError(f"there is no data set {slug[:80]!a}")
    return dataset


def _refuse_known(session: Session, slug: str) -> None:
    if session.scalar(sa.select(Dataset.id).where(Dataset.slug == slug)) is not None:
        raise ConflictError(f"a data set {slug!r} exists already")


def _store(session: Session, imported: ImportedDataset, source: str, now: datetime) -> DatasetInfo:
    manifest = imported.manifest
    dataset = Dataset(
        id=uuid4(),
        slug=manifest.slug,
        title=manifest.title,
        kind=manifest.kind,
        licence=manifest.licence,
        num_images=imported.num_images,
        created_at=now,
        source=source,
    )
    session.add(dataset)
    session.flush()
    rows = [
        {
            "dataset_id": dataset.id,
            "split": split,
            "row": item.row,
            "item_id": item.id,
            "question": item.question,
            "answer": item.answer,
            "solution": item.solution,
            "category": item.category,
            "difficulty": item.difficulty,
            "image_sha256": item.image,
        }
        for split, items in imported.items.items()
        for item in items
    ]
    if rows:
        session.execute(sa.insert(DatasetItem), rows)
    return _show(session, dataset)


def _show(session: Session, dataset: Dataset) -> DatasetInfo:
    query = (
        sa.select(DatasetItem.split, sa.func.count().label("num_items"))
        .where(DatasetItem.dataset_id == dataset.id)
        .group_by(DatasetItem.split)
    )
    num_items = {row.split: row.num_items for row in session.execute(query)}
    return DatasetInfo(
        id=dataset.id,
        slug=dataset.slug,
        title=dataset.title,
        kind=dataset.kind,
        licence=dataset.licence,
        splits=[
            SplitInfo(name=split, num_items=num_items[split])
            for split in SPLIT_ORDER
            if split in num_items
        ],
        num_images=dataset.num_images,
        created_at=dataset.created_at,
        source=dataset.source,
    )
