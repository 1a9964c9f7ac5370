"""What every zip from outside has to pass, whatever it holds: nothing in it is believed."""

import errno
import struct
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import BinaryIO

from backend.contract.errors import InvalidInputError

CHUNK_BYTES = 2**20
_MAX_COMMENT_BYTES = 2**16
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_IS_ENCRYPTED = 0x1
# What Python's zipfile raises on files that are none, or damaged.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),
)


def check_directory(
    file: BinaryIO, refusal: type[InvalidInputError], *, max_entries: int, max_bytes: int
) -> None:
    """Refuse a directory that would fill the memory, before the zip module reads it whole.

    Args:
        file: The zip.
        refusal: Which error to raise.
        max_entries: Files and folders that it may list.
        max_bytes: Size of the list.

    Raises:
        InvalidInputError: As the refusal; the file is no zip, was cut off, or lists too much.
    """
    size_bytes = file.seek(0, 2)
    file.seek(max(0, size_bytes - _END.size - _MAX_COMMENT_BYTES - _LOCATOR.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise refusal("the file is no zip, or was cut off: a zip's end is missing")
    *_, num_entries, num_bytes, _, _ = _END.unpack_from(tail, at)
    locator_at = at - _LOCATOR.size
    if locator_at >= 0 and tail[locator_at : locator_at + 4] == b"PK\x06\x07":
        # A large zip: the numbers above are placeholders, the real ones lie before.
        _, _, offset, _ = _LOCATOR.unpack_from(tail, locator_at)
        file.seek(min(offset, size_bytes))
        end = file.read(_END_64.size)
        if len(end) < _END_64.size:
            raise refusal("the zip's end was cut off, or points outside of the file")
        *_, num_entries, num_bytes, _ = _END_64.unpack(end)
    if num_entries > max_entries or num_bytes > max_bytes:
        raise refusal(
            f"the zip lists {num_entries} entries in {num_bytes} bytes; at most {max_entries} in "
            f"{max_bytes} are allowed"
        )


def is_readable(info: zipfile.ZipInfo) -> bool:
    """Whether an entry is neither encrypted nor compressed by something but deflate."""
    return not info.flag_bits & _IS_ENCRYPTED and info.compress_type in _COMPRESSIONS


@contextmanager
def damage_named(what: str, refusal: type[InvalidInputError]) -> Generator[None]:
    """Around reading: damage becomes a refusal that names what cannot be read.

    Raises:
        InvalidInputError: As the refusal.
    """
    try:
        yield
    except _DAMAGE as e:
        reason = ascii(str(e))[1:-1][:200]
        raise refusal(f"{what} cannot be read, the file is damaged: {reason}") from e
    except OSError as e:
        # A place that the zip names lies before the file's beginning.
        if e.errno != errno.EINVAL:
            raise
        raise refusal(f"{what} cannot be read, the file is damaged: {e}") from e
