"""A zip from outside, unpacked into an empty folder by our own rules: nothing in it is believed.

Regular files with plain names only, in folders below; their number, their size together and how
far they expand are bounded; no links, no other way of writing outside of the folder.
"""

import errno
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from backend.contract.errors import InvalidInputError

MAX_EXPANSION = 100
FREE_EXPANSION_BYTES = 16 * 2**20
"""Small files may expand further: a few repeated lines shrink to nothing."""
MAX_DEPTH = 8
MAX_LISTED_BYTES_PER_FILE = 512
"""Bytes of the zip's own list for one file: a name, and what tools add."""
CHUNK_BYTES = 2**20
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ ()+,=@-]{0,127}")
_IGNORED = re.compile(r"(^|.*/)(__MACOSX/.*|\.DS_Store|\._[^/]*|Thumbs\.db)$")
"""What file managers add on their own."""
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_MAX_COMMENT_BYTES = 2**16
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED = 0x1
# What Python's zipfile raises on files that are none, or damaged.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),
)


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
    _check_list(file, num_bytes, limits)
    try:
        with zipfile.ZipFile(file) as opened:
            infos = [info for info in opened.infolist() if not _is_left_out(info)]
            _check_infos(infos, num_bytes, limits)
            for info in infos:
                path = target.joinpath(*info.filename.split("/"))
                path.parent.mkdir(parents=True, exist_ok=True)
                _unpack(opened, info, path)
    except _DAMAGE as e:
        raise InvalidInputError(f"the zip is damaged: {ascii(str(e))[1:-1][:200]}") from e
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as e:
        raise InvalidInputError("the zip has a file and a folder of the same name") from e
    except OSError as e:
        # A place that the zip names lies before the file's beginning.
        if e.errno != errno.EINVAL:
            raise
        raise InvalidInputError("the zip is damaged: its list points outside of it") from e


def _check_list(file: BinaryIO, num_bytes: int, limits: ZipLimits) -> None:
    """Refuse a list of files that would fill the memory, before the zip module reads it whole."""
    begin = max(0, num_bytes - _END.size - _MAX_COMMENT_BYTES - _LOCATOR.size)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise InvalidInputError("the file is no zip, or was cut off: a zip's end is missing")
    *_, num_entries, list_bytes, _, _ = _END.unpack_from(tail, at)
    locator_at = at - _LOCATOR.size
    if locator_at >= 0 and tail[locator_at : locator_at + 4] == b"PK\x06\x07":
        # A large zip: the numbers above are placeholders, the real ones lie before.
        _, _, offset, _ = _LOCATOR.unpack_from(tail, locator_at)
        file.seek(min(offset, num_bytes))
        end = file.read(_END_64.size)
        if len(end) < _END_64.size:
            raise InvalidInputError("the zip was cut off")
        *_, num_entries, list_bytes, _ = _END_64.unpack(end)
    most = MAX_LISTED_BYTES_PER_FILE * limits.max_files
    if num_entries > 2 * limits.max_files or list_bytes > most:
        raise InvalidInputError(
            f"the zip lists {num_entries} entries in {list_bytes} bytes, allowed are "
            f"{limits.max_files} files"
        )


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
    if info.flag_bits & _IS_ENCRYPTED or info.compress_type not in _COMPRESSIONS:
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
