"""What takes how much space: files under MAYE_HOME by kind, and the database."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from backend.contract.artifacts import Home
from backend.database.session import Database

FRESH_S = 60.0
"""How long a measurement is told again before the folders are walked anew."""
KINDS = ("checkpoints", "exports", "traces", "logs", "answers", "datasets", "models", "database")
"""Kinds of stored bytes; whatever else lies under MAYE_HOME is `other`."""
OTHER = "other"
_FOLDERS = {
    "checkpoints": "checkpoints",
    "export": "exports",
    "traces": "traces",
    "log": "logs",
    "spool": "logs",
    "answers": "answers",
}
"""Folder in a run's folder to kind."""


def measure(home: Home, database: Database) -> dict[str, int]:
    """Bytes by kind, every kind with a number."""
    sizes: dict[str, int] = dict.fromkeys((*KINDS, OTHER), 0)
    of_database = _database_files(database)
    for path, size_bytes in _walk(home.root):
        if path not in of_database:
            sizes[_kind_of(path.relative_to(home.root).parts)] += size_bytes
    sizes["database"] = _measure_database(database, of_database)
    return sizes


def _database_files(database: Database) -> set[Path]:
    """SQLite's file with its logs, wherever it lies; none of another database."""
    url = database.engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        return set()
    file = Path(url.database).resolve()
    return {file.with_name(file.name + end) for end in ("", "-wal", "-shm")}


def _measure_database(database: Database, files: set[Path]) -> int:
    if files:
        return sum(file.stat().st_size for file in files if file.is_file())
    with database.read_scope() as session:
        size = sa.select(sa.func.pg_database_size(sa.func.current_database()))
        return session.execute(size).scalar_one()


def _kind_of(parts: Sequence[str]) -> str:
    if parts[0] == "runs" and len(parts) > 3:
        return _FOLDERS.get(parts[2], OTHER)
    return parts[0] if parts[0] in ("datasets", "models") else OTHER


def _walk(folder: Path) -> Iterator[tuple[Path, int]]:
    """Files below a folder with their sizes; links are not followed, what vanishes is left out."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        path = Path(entry.path)
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(path)
            elif entry.is_file(follow_symlinks=False):
                yield path, entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue


@dataclass(slots=True)
class Storage:
    """Remembers the last measurement for a while: walking many runs takes seconds."""

    home: Home
    database: Database
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sizes: dict[str, int] = field(default_factory=dict[str, int])
    _measured_at: float = float("-inf")

    def read(self, *, is_fresh: bool = False) -> dict[str, int]:
        """Bytes by kind, at most a minute old; measured now when it must be fresh."""
        with self._lock:
            if is_fresh or time.monotonic() - self._measured_at > FRESH_S:
                self._sizes = measure(self.home, self.database)
                self._measured_at = time.monotonic()
            return dict(self._sizes)
