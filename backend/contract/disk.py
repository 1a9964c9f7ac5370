"""The disk of a state folder: how much is free, and which errors say that nothing is."""

import errno
import re
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

GIB = 2**30
WARN_FACTOR = 2
"""So many times the wanted free space is when a warning begins."""
FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No space, an exhausted quota, a file larger than allowed."""
EXIT_DISK_FULL = 74
"""Exit status of a trainer that cannot write what it must (EX_IOERR): no file can say so."""
MAKE_ROOM = "make room on the disk of MAYE_HOME, then resume the run"
_OS_ERROR = re.compile(r"\bos error (\d+)\b")


class DiskState(StrEnum):
    """Whether there is room for more."""

    OK = "ok"
    LOW = "low"
    """Little is left: somebody should make room."""
    FULL = "full"
    """Too little is left: no run is started."""


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The disk of a folder at a moment."""

    total_bytes: int
    free_bytes: int
    """What this user may still write."""
    min_free_bytes: int
    """What must stay free (MAYE_MIN_FREE_DISK_BYTES)."""

    @property
    def state(self) -> DiskState:
        """Whether there is room for more."""
        if self.free_bytes < self.min_free_bytes:
            return DiskState.FULL
        if self.free_bytes < WARN_FACTOR * self.min_free_bytes:
            return DiskState.LOW
        return DiskState.OK

    def describe(self) -> str:
        """The state in words, with its numbers.

        >>> DiskSpace(10 * GIB, GIB, 2 * GIB).describe()
        'the disk of MAYE_HOME is full: 1.0 GiB are free, at least 2.0 GiB must be'
        """
        free, wanted = f"{self.free_bytes / GIB:.1f} GiB", f"{self.min_free_bytes / GIB:.1f} GiB"
        if self.state is DiskState.OK:
            return f"{free} are free on the disk of MAYE_HOME"
        if self.state is DiskState.LOW:
            return (
                f"the disk of MAYE_HOME is nearly full: {free} are free, runs start above {wanted}"
            )
        return f"the disk of MAYE_HOME is full: {free} are free, at least {wanted} must be"


def read_space(folder: Path, min_free_bytes: int) -> DiskSpace:
    """The disk that a folder lies on; the folder need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return DiskSpace(usage.total, usage.free, min_free_bytes)


def is_full(error: Exception) -> bool:
    """Whether an error says that the disk took no more.

    Libraries written in Rust tell the operating system's number in their message alone.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL_ERRORS
    told = _OS_ERROR.search(str(error))
    return told is not None and int(told[1]) in FULL_ERRORS
