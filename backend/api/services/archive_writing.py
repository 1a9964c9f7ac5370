"""Writing the zip of an archive: entries one after the other, each hashed as it is written."""

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Self

from pydantic import BaseModel

from backend.api.services.archive_format import MANIFEST, FileInfo, Manifest

CHUNK_BYTES = 2**20
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The time of every entry: the first that a zip can name."""
UNIX = 3
REGULAR_FILE = 0o100644 << 16


class ArchiveWriter:
    """Writes entries to a file; nothing is held in memory but one record or one chunk."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self.entries: dict[str, FileInfo] = {}
        """What was written so far."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Write the zip's directory; after an error too, else it would be tried much later."""
        self._zip.close()

    def write_records(self, name: str, records: Iterable[BaseModel]) -> None:
        """Write one JSON line for each record."""
        self._write(
            name,
            (record.model_dump_json().encode() + b"\n" for record in records),
            zipfile.ZIP_DEFLATED,
        )

    def write_file(self, name: str, path: Path) -> None:
        """Write a file as it is.

        Raises:
            OSError: it cannot be read.
        """
        with path.open("rb") as source:
            chunks = iter(lambda: source.read(CHUNK_BYTES), b"")
            self._write(name, chunks, zipfile.ZIP_STORED)

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the last entry."""
        content = manifest.model_dump_json(indent=1).encode()
        self._write(MANIFEST, [content], zipfile.ZIP_DEFLATED)

    def _write(self, name: str, chunks: Iterable[bytes], compression: int) -> None:
        info = zipfile.ZipInfo(name, FIXED_TIME)
        info.compress_type = compression
        info.create_system = UNIX
        info.external_attr = REGULAR_FILE
        digest, size_bytes = hashlib.sha256(), 0
        # A size unknown beforehand may need the 64-bit form, and the header is written first.
        with self._zip.open(info, "w", force_zip64=True) as entry:
            for chunk in chunks:
                entry.write(chunk)
                digest.update(chunk)
                size_bytes += len(chunk)
        self.entries[name] = FileInfo(size_bytes=size_bytes, sha256=digest.hexdigest())
