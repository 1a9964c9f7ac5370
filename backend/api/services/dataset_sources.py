"""Data sets that come as a file or from the hub; folders of the operator are in `datasets`."""

from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from backend.api.schemas import DatasetInfo
from backend.api.schemas_library import HubDatasetImport, HubManifest
from backend.api.services.dataset_import import MANIFEST_NAME, load_manifest
from backend.api.services.datasets import add_folder
from backend.api.services.disk import full_disk_named
from backend.api.services.hub import Repo, fetch, find_repo
from backend.api.services.temporary_folder import temporary_folder
from backend.api.services.zip_folder import ZipLimits, unpack_zip
from backend.contract.datasets import DatasetManifest
from backend.contract.errors import DatasetInvalidError
from backend.contract.settings import Settings
from backend.database.session import Database

UploadKind = Literal["zip", "parquet"]
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def add_uploaded(
    database: Database,
    settings: Settings,
    upload: Path,
    manifest: DatasetManifest | None,
    *,
    kind: UploadKind,
    now: datetime,
) -> DatasetInfo:
    """Import an uploaded file completely, or not at all.

    Args:
        database: Where the data set is registered.
        settings: Say where it is stored, and how much a zip may hold.
        upload: The file, alone in a folder that may be written and is thrown away.
        manifest: In place of the dataset.yaml in a zip; needed for a parquet file.
        kind: What the file is.
        now: When it was imported.

    Raises:
        InvalidInputError: The zip is damaged or holds what is not allowed.
        DatasetInvalidError: Lists every bad row.
        ConflictError: The slug exists.
        DiskFullError: The disk has no room.
    """
    folder = upload.with_name("content")
    folder.mkdir()
    with full_disk_named("the data set could not be stored"):
        if kind == "parquet":
            upload.rename(folder / _only_file(manifest))
        else:
            limits = ZipLimits(settings.max_unpacked_files, settings.max_unpacked_bytes)
            with upload.open("rb") as file:
                unpack_zip(file, folder, limits)
            folder = _find_root(folder)
        manifest = manifest or load_manifest(folder)
        return add_folder(database, settings, folder, manifest, source="upload", now=now)


def _only_file(manifest: DatasetManifest | None) -> str:
    """The name that the manifest gives to the one file that came."""
    if manifest is None:
        raise DatasetInvalidError("a parquet file needs a manifest: it has no dataset.yaml")
    names = [name for split in manifest.splits for name in manifest.files(split)]
    if len(names) != 1 or "/" in names[0] or manifest.format != "parquet":
        raise DatasetInvalidError(
            f"one parquet file was sent, but the manifest names {', '.join(names)[:200]}: "
            "send several as a zip"
        )
    return names[0]


def _find_root(folder: Path) -> Path:
    """The folder itself, or the only folder in it: people zip the one as well as the other."""
    entries = list(folder.iterdir())
    if len(entries) == 1 and entries[0].is_dir() and not (folder / MANIFEST_NAME).exists():
        return entries[0]
    return folder


def add_from_hub(
    database: Database, settings: Settings, request: HubDatasetImport, *, now: datetime
) -> DatasetInfo:
    """Import a data set of the hub completely, or not at all.

    Raises:
        ForbiddenError: The operator does not allow it, or the hub wants a token.
        NotFoundError: There is no such repository, revision or file.
        HubUnavailableError: The hub cannot be reached.
        DatasetInvalidError: Lists every bad row.
        ConflictError: The slug exists.
        DiskFullError: The disk has no room.
    """
    repo = find_repo(settings, "dataset", request.repo_id, request.revision)
    with (
        full_disk_named("the data set could not be stored"),
        temporary_folder(settings.paths) as folder,
    ):
        if request.manifest is not None:
            manifest = _resolve(request.manifest, repo)
        elif MANIFEST_NAME in repo.size_of:
            fetch(settings, repo, [MANIFEST_NAME], folder)
            manifest = load_manifest(folder)
        else:
            raise DatasetInvalidError(
                f"{repo.repo_id} has no {MANIFEST_NAME}: say in the manifest what it is"
            )
        fetch(settings, repo, _needed(manifest, repo), folder)
        return add_folder(database, settings, folder, manifest, source=repo.source, now=now)


def _resolve(wish: HubManifest, repo: Repo) -> DatasetManifest:
    """The manifest with the files that its patterns stand for.

    Raises:
        DatasetInvalidError: A pattern stands for no file, or for files of another format.
    """
    splits = {split: _match(repo, pattern) for split, pattern in wish.splits.items()}
    try:
        return DatasetManifest.model_validate({**wish.model_dump(), "splits": splits})
    except ValueError as e:
        raise DatasetInvalidError(f"manifest of {repo.repo_id}: {e}") from e


def _match(repo: Repo, pattern: str) -> list[str]:
    names = sorted(repo.size_of)
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        rows = [name for name in names if name.endswith((".parquet", ".jsonl"))]
        raise DatasetInvalidError(
            f"{repo.repo_id} has no file {pattern!r} (there are: "
            f"{', '.join(rows)[:500] or 'no parquet or JSONL files'})"
        )
    return found


def _needed(manifest: DatasetManifest, repo: Repo) -> list[str]:
    """The files of the splits, and the pictures that lines of JSONL may name."""
    rows = [name for split in manifest.splits for name in manifest.files(split)]
    missing = [name for name in rows if name not in repo.size_of]
    if missing:
        raise DatasetInvalidError(f"{repo.repo_id} has no file {missing[0]!r}")
    if manifest.format == "parquet":
        return sorted(set(rows))
    pictures = [name for name in repo.size_of if name.lower().endswith(PICTURES)]
    return sorted({*rows, *pictures})
