"""The database object: engine, the one write transaction, and read-only sessions."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from backend.contract.settings import Settings
from backend.database.tables import Counter

BUSY_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_S = 60
"""PostgreSQL ends a transaction in which nothing has been asked for this long."""
STEPS_BETWEEN_LOOKS = 10_000
"""Instructions of SQLite's machine between two looks at the clock: about a millisecond."""
STREAM_COUNTER = "stream"
RUN_COUNTER = "run"
QUEUE_COUNTER = "queue"
"""Value that the stream's counter had when what queued runs wait for may have changed last."""


class Database:
    """Engine and sessions of one process."""

    def __init__(
        self,
        url: str,
        *,
        statement_timeout_s: float = 10.0,
        pool_size: int = 20,
        pool_timeout_s: float = 5.0,
    ) -> None:
        self.engine = _build_engine(url, statement_timeout_s, pool_size, pool_timeout_s)
        self._is_sqlite = self.engine.dialect.name == "sqlite"
        self._writer = threading.Lock()
        # SQLite's busy handler is unfair: threads of one process take turns at this lock instead.
        writing: dict[str, Any] = {"maye_is_write": True}
        reading: dict[str, Any] = {}
        if not self._is_sqlite:
            writing["isolation_level"] = "READ COMMITTED"
            reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._write_sessions = sessionmaker(
            self.engine.execution_options(**writing), expire_on_commit=False
        )
        self._read_sessions = sessionmaker(
            self.engine.execution_options(**reading), expire_on_commit=False
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """Open the database that the settings name; SQLite's folder is made."""
        url = sa.make_url(settings.resolved_database_url)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        return cls(
            settings.resolved_database_url,
            statement_timeout_s=settings.database_statement_timeout_s,
            pool_size=settings.database_pool_size,
            pool_timeout_s=settings.database_pool_timeout_s,
        )

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

    @contextmanager
    def snapshot_scope(self) -> Iterator[Session]:
        """A snapshot to read much from, however long that takes; nothing is written."""
        with self._read_sessions() as session:
            session.connection(execution_options={"maye_is_long": True})
            if not self._is_sqlite:
                session.execute(sa.text("SET LOCAL statement_timeout = 0"))
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


def lock_counter(session: Session, name: str) -> None:
    """Let others that raise or lock the counter wait until this transaction ends."""
    session.execute(sa.select(Counter.value).where(Counter.name == name).with_for_update())


def read_counter(session: Session, name: str) -> int:
    """The counter's value."""
    return session.execute(sa.select(Counter.value).where(Counter.name == name)).scalar_one()


def was_too_slow(error: OperationalError) -> bool:
    """Whether the database gave up a statement because its time was over."""
    if error.orig is None:
        return False
    of_postgres = getattr(error.orig, "sqlstate", None) == "57014"
    return of_postgres or getattr(error.orig, "sqlite_errorname", None) == "SQLITE_INTERRUPT"


def _build_engine(
    url: str, statement_timeout_s: float, pool_size: int, pool_timeout_s: float
) -> sa.Engine:
    parsed = sa.make_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    of_sqlite = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
    engine = sa.create_engine(
        parsed,
        connect_args=of_sqlite if is_sqlite else {"connect_timeout": 5},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout_s,
        pool_pre_ping=not is_sqlite,
    )
    if is_sqlite:
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        _limit_sqlite(engine, statement_timeout_s)
    else:
        _limit_postgres(engine, statement_timeout_s)
    return engine


def _limit_postgres(engine: sa.Engine, statement_timeout_s: float) -> None:
    """Statements that take too long, and transactions that were left open, are ended."""

    def configure(connection: Any, record: Any) -> None:
        del record
        limits = {
            "statement_timeout": statement_timeout_s,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_S,
        }
        with connection.cursor() as cursor:
            for name, seconds in limits.items():
                cursor.execute(f"SET {name} = {round(1000 * seconds)}")
        connection.commit()

    event.listen(engine, "connect", configure)


@dataclass(slots=True)
class _Deadline:
    """When the statement of one SQLite connection must have ended, on the monotonic clock."""

    at: float = float("inf")


def _limit_sqlite(engine: sa.Engine, statement_timeout_s: float) -> None:
    """Reading that takes too long is ended; writing is never long, and half of it is of no use."""

    def watch(connection: Any, record: Any) -> None:
        deadline = record.info["deadline"] = _Deadline()
        connection.set_progress_handler(lambda: time.monotonic() > deadline.at, STEPS_BETWEEN_LOOKS)

    def set_deadline(connection: sa.Connection, *rest: Any) -> None:
        del rest
        options = connection.get_execution_options()
        is_free = options.get("maye_is_write", False) or options.get("maye_is_long", False)
        allowed_s = float("inf") if is_free else statement_timeout_s
        connection.info["deadline"].at = time.monotonic() + allowed_s

    event.listen(engine, "connect", watch)
    event.listen(engine, "before_cursor_execute", set_deadline)


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
