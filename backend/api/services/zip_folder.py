"""A zip from outside, unpacked into an empty folder by our own rules: nothing in it is believed.

Regular files with plain names only, in folders below; their number, their size together and how
far they expand are bounded; no links, no other way of writing outside of the folder.
"""

import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from backend.api.services.untrusted_zip import (
    CHUNK_BYTES,
    check_directory,
    damage_named,
    is_readable,
)
from backend.contract.errors import InvalidInputError

MAX_EXPANSION = 100
FREE_EXPANSION_BYTES = 16 * 2**20
"""Small files may expand further: a few repeated lines shrink to nothing."""
MAX_DEPTH = 8
MAX_LISTED_BYTES_PER_FILE = 512
"""Bytes of the zip's own list for one file: a name, and what tools add."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ ()+,=@-]{0,127}")
_IGNORED = re.compile(r"(^|.*/)(__MACOSX/.*|\.DS_Store|\._[^/]*|Thumbs\.db)$")
"""What file managers add on their own."""


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """How much a zip may hold."""

    max_files: int
    max_bytes: int
    """Of all files together, unpacked."""


def unpack_zip(file: BinaryIO, target: Path, limits: ZipLimits) -> None:
    """Write the files of a zip into an empty folder.

    Args:
        file: The zip.
        target: An empty folder; after an error it holds a part of the files.
        limits: How much it may hold.

    Raises:
        InvalidInputError: The file is no zip, is damaged, or holds what is not allowed.
    """
    num_bytes = file.seek(0, 2)
    check_directory(
        file,
        InvalidInputError,
        # Folders are entries as well.
        max_entries=2 * limits.max_files,
        max_bytes=MAX_LISTED_BYTES_PER_FILE * limits.max_files,
    )
    try:
        with damage_named("the zip", InvalidInputError), zipfile.ZipFile(file) as opened:
            infos = [info for info in opened.infolist() if not _is_left_out(info)]
            _check_infos(infos, num_bytes, limits)
            for info in infos:
                path = target.joinpath(*info.filename.split("/"))
                path.parent.mkdir(parents=True, exist_ok=True)
                _unpack(opened, info, path)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as e:
        raise InvalidInputError("the zip has a file and a folder of the same name") from e


def _is_left_out(info: zipfile.ZipInfo) -> bool:
    return info.is_dir() or _IGNORED.fullmatch(info.filename) is not None


def _check_infos(infos: list[zipfile.ZipInfo], num_bytes: int, limits: ZipLimits) -> None:
    if len(infos) > limits.max_files:
        raise InvalidInputError(f"the zip has {len(infos)} files, allowed {limits.max_files}")
    names: set[str] = set()
    for info in infos:
        where = f"entry {ascii(info.filename)[:160]}"
        _check_info(info, where)
        if info.filename in names:
            raise InvalidInputError(f"{where} is there twice")
        names.add(info.filename)
    total = sum(info.file_size for info in infos)
    allowed = min(limits.max_bytes, FREE_EXPANSION_BYTES + MAX_EXPANSION * num_bytes)
    if total > allowed:
        raise InvalidInputError(
            f"the files of the zip have {total} bytes unpacked, allowed are {allowed} "
            f"(at most {limits.max_bytes}, and {MAX_EXPANSION} times the zip's {num_bytes})"
        )


def _check_info(info: zipfile.ZipInfo, where: str) -> None:
    # Unix keeps the kind of a file in the upper half; tools of other systems write zero there.
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise InvalidInputError(f"{where} is a link or device: regular files are allowed")
    parts = info.filename.split("/")
    if len(parts) > MAX_DEPTH or not all(_PART.fullmatch(part) for part in parts):
        raise InvalidInputError(
            f"{where}: names are made of letters, digits and . _ - + , = @ ( ) and spaces, begin "
            f"with a letter, digit or _, and lie in at most {MAX_DEPTH - 1} folders"
        )
    # zipfile cuts a name at NUL: what it was called before says whether it did.
    if info.orig_filename != info.filename:
        raise InvalidInputError(f"{where} has a name that reads differently to different tools")
    if not is_readable(info):
        raise InvalidInputError(f"{where} is encrypted, or compressed by something but deflate")


def _unpack(opened: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    num_bytes = 0
    with opened.open(info) as entry, path.open("xb") as target:
        while chunk := entry.read(CHUNK_BYTES):
            num_bytes += len(chunk)
            if num_bytes > info.file_size:
                raise zipfile.BadZipFile("an entry is larger than the zip says")
            target.write(chunk)
    if num_bytes != info.file_size:
        raise zipfile.BadZipFile("an entry is smaller than the zip says")
