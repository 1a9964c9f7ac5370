"""The database object: engine, the one write transaction, and read-only sessions."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker

from backend.contract.settings import Settings
from backend.database.tables import Counter

BUSY_TIMEOUT_MS = 10_000
STREAM_COUNTER = "stream"
RUN_COUNTER = "run"


class Database:
    """Engine and sessions of one process."""

    def __init__(self, url: str) -> None:
        self.engine = _build_engine(url)
        self._is_sqlite = self.engine.dialect.name == "sqlite"
        self._writer = threading.Lock()
        # SQLite's busy handler is unfair: threads of one process take turns at this lock instead.
        self._write_sessions = sessionmaker(
            self.engine.execution_options(maye_is_write=True), expire_on_commit=False
        )
        self._read_sessions = sessionmaker(self.engine, expire_on_commit=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """Open the database that the settings name; SQLite's folder is made."""
        url = sa.make_url(settings.resolved_database_url)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        return cls(settings.resolved_database_url)

    @contextmanager
    def session_scope(self) -> Iterator[Session]:
        """A write transaction: committed at the end, rolled back by any exception."""
        with (
            self._writer if self._is_sqlite else nullcontext(),
            self._write_sessions() as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def read_scope(self) -> Iterator[Session]:
        """A snapshot to read from; nothing is written."""
        with self._read_sessions() as session:
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def raise_counter(session: Session, name: str) -> int:
    """The counter's next value; rows that carry it become visible together with it."""
    statement = (
        sa.update(Counter)
        .where(Counter.name == name)
        .values(value=Counter.value + 1)
        .returning(Counter.value)
    )
    return session.execute(statement).scalar_one()


def read_counter(session: Session, name: str) -> int:
    """The counter's value."""
    return session.execute(sa.select(Counter.value).where(Counter.name == name)).scalar_one()


def _build_engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, pool_pre_ping=True, pool_timeout=5)
    engine = sa.create_engine(
        parsed,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
        pool_size=20,
        max_overflow=40,
        pool_timeout=10,
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, record: Any) -> None:
    """WAL and foreign keys; transactions are begun by _begin_sqlite, not by the driver."""
    del record
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    """A deferred transaction that turns to writing fails at once under load; so say it first."""
    is_write = connection.get_execution_options().get("maye_is_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
