"""A folder for what arrives from outside, until it is checked and stored elsewhere."""

import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from backend.contract.artifacts import Home

PREFIX = "import-"
FORGOTTEN_AFTER_S = 2 * 86400.0
"""A folder so old belongs to a process that was killed."""


@contextmanager
def temporary_folder(home: Home) -> Generator[Path]:
    """An empty folder beside the data, on the same disk; gone when the block ends."""
    folder = make_temporary_folder(home)
    try:
        yield folder
    finally:
        remove_folder(folder)


def make_temporary_folder(home: Home) -> Path:
    """The same for callers that may not wait for its end; they remove it."""
    home.temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
    _clear(home.temporary)
    return Path(tempfile.mkdtemp(prefix=PREFIX, dir=home.temporary))


def remove_folder(folder: Path) -> None:
    """Remove it with all that is in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _clear(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        if time.time() - folder.lstat().st_mtime > FORGOTTEN_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
