"""The name of a worker: its own among all processes, and the same one after a restart.

Runs that a worker has started go on when it dies, and hold slots under its name; a worker that is
started again must therefore get its old name back. The system drops a dead process's lock.
"""

import fcntl
import itertools
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

_FOREIGN = re.compile(r"[^A-Za-z0-9._-]")
MAX_NAME = 90


@dataclass(frozen=True, slots=True)
class TakenName:
    """A name, as long as its file is open."""

    name: str
    file: TextIO


def default_name() -> str:
    """The host's name, as far as a worker may be called that."""
    return _FOREIGN.sub("-", socket.gethostname()).lstrip("._-")[:MAX_NAME] or "worker"


def take_name(wanted: str, folder: Path) -> TakenName:
    """The wanted name, or the first of `wanted-2`, `wanted-3`, ... that no living process has.

    Args:
        wanted: The name asked for.
        folder: Of the lock files: `$MAYE_HOME/workers`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        name = wanted if number == 1 else f"{wanted}-{number}"
        file = (folder / f"{name}.lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        return TakenName(name, file)
    raise AssertionError("there is always another number")
