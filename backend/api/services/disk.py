"""Writing to a disk that may fill up: files without a name, and the error that says so."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import BinaryIO

from backend.contract.artifacts import Home
from backend.contract.disk import FULL_ERRORS, is_full
from backend.contract.errors import DiskFullError


def open_temporary(home: Home) -> BinaryIO:
    """A file without a name beside the data, which is gone when it is closed."""
    home.temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    return tempfile.TemporaryFile(dir=home.temporary)


FULL = FULL_ERRORS


@contextmanager
def full_disk_named(what: str) -> Generator[None]:
    """Turn the operating system's word for a full disk into ours.

    Args:
        what: What could not be written, for the message.

    Raises:
        DiskFullError: the block met a full disk or an exhausted quota.
    """
    try:
        yield
    except OSError as e:
        if not is_full(e):
            raise
        raise DiskFullError(f"{what}: no room on the disk of MAYE_HOME ({e.strerror})") from e
