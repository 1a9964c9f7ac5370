"""The two databases that tests run on, each copied from a template that was migrated once."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from backend.database.migrate import upgrade
from backend.database.session import Database
from tests.postgres import PostgresServer

KINDS = ("sqlite", "postgresql")
ON_BOTH_DATABASES = pytest.mark.parametrize("platform", KINDS, indirect=True, scope="module")
"""For files of tests/platform that depend on the database: what survives, what a report reads.

The others are about processes, files and the command line; twice of them would cost minutes.
"""


@contextmanager
def new_database(
    kind: str, folder: Path, find_server: Callable[[], PostgresServer], *, is_empty: bool = False
) -> Iterator[str]:
    """URL of a database with today's tables, or with none; PostgreSQL's is dropped afterwards."""
    if kind == "sqlite":
        file = folder / "maye.db"
        folder.mkdir(parents=True, exist_ok=True)
        if not is_empty:
            file.write_bytes(_migrated_sqlite())
        yield f"sqlite:///{file}"
        return
    server = find_server()
    url = server.create_empty() if is_empty else server.create_migrated()
    yield url
    server.drop(url)


@cache
def _migrated_sqlite() -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="maye-sqlite-"))
    try:
        database = Database(f"sqlite:///{folder / 'maye.db'}")
        upgrade(database)
        database.close()
        return (folder / "maye.db").read_bytes()
    finally:
        shutil.rmtree(folder)
