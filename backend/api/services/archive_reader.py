"""Reading an archive that anybody may have made: nothing in it is believed before it is checked.

Names must be of the list, sizes and their sum bounded, every entry as its hash in the manifest
says. Nothing is extracted by a name from the file, and nothing in it is executed.
"""

import hashlib
import json
import zipfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from backend.api.services import archive_format as layout
from backend.api.services.archive_format import Manifest
from backend.api.services.dataset_pictures import MAX_PICTURE_BYTES
from backend.api.services.untrusted_zip import (
    CHUNK_BYTES,
    check_directory,
    damage_named,
    is_readable,
)
from backend.contract.errors import ArchiveInvalidError, ArchiveTooNewError

_Record = TypeVar("_Record", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class OpenedArchive:
    """An archive whose directory and manifest have been checked."""

    manifest: Manifest
    sha256: str
    """Of the manifest: it names the archive's whole content."""
    _zip: zipfile.ZipFile

    @property
    def pictures(self) -> list[str]:
        """Entries that are pictures, in order."""
        return [name for name in self.manifest.entries if layout.PICTURE_NAME.fullmatch(name)]

    @property
    def traces(self) -> list[str]:
        """Entries that are traces, in order."""
        return [name for name in self.manifest.entries if layout.TRACE_NAME.fullmatch(name)]

    def check_documents(self) -> None:
        """Compare every JSON entry with its hash.

        Raises:
            ArchiveInvalidError: one differs.
        """
        for name in layout.DOCUMENTS:
            for _ in self._chunks(name):
                pass

    def extract(self, name: str, target: Path) -> None:
        """Write a checked entry to a file that the caller names.

        Raises:
            ArchiveInvalidError: it differs from its hash; the file is then not to be used.
        """
        with target.open("xb") as file:
            for chunk in self._chunks(name):
                file.write(chunk)

    def records(self, name: str, kind: type[_Record]) -> Iterator[_Record]:
        """The records of a JSON entry.

        Raises:
            ArchiveInvalidError: names entry, line and field.
        """
        with damage_named(name, ArchiveInvalidError), self._zip.open(name) as entry:
            number = 0
            while line := entry.readline(layout.MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > layout.MAX_LINE_BYTES:
                    raise ArchiveInvalidError(
                        f"{name}, line {number}: longer than {layout.MAX_LINE_BYTES} bytes"
                    )
                yield _parse(line, kind, f"{name}, line {number}")

    def _chunks(self, name: str) -> Iterator[bytes]:
        """An entry's bytes; an error comes at the latest after the last."""
        expected, digest, size_bytes = self.manifest.entries[name], hashlib.sha256(), 0
        with damage_named(name, ArchiveInvalidError), self._zip.open(name) as entry:
            while chunk := entry.read(CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += len(chunk)
                yield chunk
        if (size_bytes, digest.hexdigest()) != (expected.size_bytes, expected.sha256):
            raise ArchiveInvalidError(f"{name} is not what the manifest says: the file was changed")


@contextmanager
def open_archive(file: BinaryIO) -> Generator[OpenedArchive]:
    """The archive in a file, its directory and manifest checked.

    Raises:
        ArchiveInvalidError: it is none, or damaged, or holds what no archive holds.
        ArchiveTooNewError: a newer version of Maye wrote it.
    """
    size_bytes = file.seek(0, 2)
    check_directory(
        file,
        ArchiveInvalidError,
        max_entries=layout.MAX_ENTRIES,
        max_bytes=layout.MAX_DIRECTORY_BYTES,
    )
    with damage_named("the file", ArchiveInvalidError):
        opened = zipfile.ZipFile(file)
    with opened:
        infos = _check_infos(opened, size_bytes)
        content = _read_manifest(opened)
        manifest = _parse_manifest(content)
        listed = set(manifest.entries) | {layout.MANIFEST}
        if listed != set(infos):
            different = sorted(listed ^ set(infos))[:5]
            raise ArchiveInvalidError(
                f"manifest and file do not list the same entries: {different}"
            )
        yield OpenedArchive(manifest, hashlib.sha256(content).hexdigest(), opened)


def _check_infos(opened: zipfile.ZipFile, size_bytes: int) -> set[str]:
    """The names of the entries, each allowed and given once, none too large."""
    names: set[str] = set()
    for info in opened.infolist():
        where = f"entry {ascii(info.filename)[:120]}"
        _check_info(info, where)
        if info.filename in names:
            raise ArchiveInvalidError(f"{where} is there twice")
        names.add(info.filename)
    total = sum(info.file_size for info in opened.infolist())
    allowed = layout.FREE_EXPANSION_BYTES + layout.MAX_EXPANSION * size_bytes
    if total > allowed:
        raise ArchiveInvalidError(
            f"the entries have {total} bytes, for a file of {size_bytes} at most {allowed}"
        )
    missing = sorted({*layout.DOCUMENTS, layout.MANIFEST} - names)
    if missing:
        raise ArchiveInvalidError(f"the file is no archive of a run: {missing[0]} is missing")
    return names


def _check_info(info: zipfile.ZipInfo, where: str) -> None:
    is_file = layout.PICTURE_NAME.fullmatch(info.filename) or layout.TRACE_NAME.fullmatch(
        info.filename
    )
    if not is_file and info.filename not in (*layout.DOCUMENTS, layout.MANIFEST):
        raise ArchiveInvalidError(f"{where} is none that an archive of a run holds")
    if not is_readable(info):
        raise ArchiveInvalidError(f"{where} is encrypted or compressed in a way that none is")
    if is_file and info.compress_type != zipfile.ZIP_STORED:
        raise ArchiveInvalidError(f"{where} is compressed: pictures and traces are stored")
    if layout.PICTURE_NAME.fullmatch(info.filename) and info.file_size > MAX_PICTURE_BYTES:
        raise ArchiveInvalidError(
            f"{where} has {info.file_size} bytes, a picture may have {MAX_PICTURE_BYTES}"
        )


def _read_manifest(opened: zipfile.ZipFile) -> bytes:
    if opened.getinfo(layout.MANIFEST).file_size > layout.MAX_DIRECTORY_BYTES:
        raise ArchiveInvalidError(f"the manifest has more than {layout.MAX_DIRECTORY_BYTES} bytes")
    with damage_named(layout.MANIFEST, ArchiveInvalidError):
        return opened.read(layout.MANIFEST)


def _parse_manifest(content: bytes) -> Manifest:
    try:
        version = json.loads(content).get("format")
    except (ValueError, AttributeError, RecursionError) as e:
        raise ArchiveInvalidError("the manifest is no JSON object") from e
    # Asked first: what else a newer manifest says may be unknown here.
    if isinstance(version, int) and version > layout.FORMAT:
        raise ArchiveTooNewError(
            f"the archive is of format {version}, this version of Maye reads format "
            f"{layout.FORMAT}: open it with a newer Maye"
        )
    manifest = _parse(content, Manifest, layout.MANIFEST)
    if manifest.format != layout.FORMAT:
        raise ArchiveInvalidError(f"there is no format {manifest.format}")
    return manifest


def _parse(content: bytes, kind: type[_Record], where: str) -> _Record:
    try:
        return kind.model_validate_json(content)
    except ValidationError as e:
        problem = e.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise ArchiveInvalidError(f"{where}: {ascii(field)[1:-1]}: {problem['msg'][:300]}") from e
