"""A folder that appears complete or not at all."""

import os
import shutil
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from backend.contract.errors import ConflictError


@contextmanager
def new_folder(target: Path) -> Generator[Path]:
    """Yield an empty folder beside `target`; it is made durable and renamed when the block ends.

    After an error in the block nothing is left. The temporary name begins with a dot, which no
    slug does.

    Raises:
        ConflictError: `target` exists already, before or after the block.
    """
    if target.exists():
        raise ConflictError(f"{target.name} exists already: choose another slug or delete it first")
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        _make_durable(temporary)
        _rename(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _rename(temporary: Path, target: Path) -> None:
    try:
        temporary.rename(target)
    except OSError as e:
        if not target.exists():
            raise
        raise ConflictError(f"{target.name} was created by somebody else meanwhile") from e
    _flush(target.parent)


def _make_durable(folder: Path) -> None:
    paths = [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
    paths += [Path(parent) for parent, _, _ in os.walk(folder)]
    # The waiting is the disk's: threads let it write many files at a time.
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(_flush, paths))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
