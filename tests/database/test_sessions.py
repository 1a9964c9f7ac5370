"""Transactions: one writer at a time, all or nothing, and what SQLite would lose is kept."""

import math
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, StatementError

from backend.database.columns import join_float, split_float, upsert
from backend.database.migrate import upgrade
from backend.database.session import RUN_COUNTER, Database, raise_counter, read_counter
from backend.database.tables import Outbox, Worker


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'maye.db'}")
    upgrade(database)
    yield database
    database.close()


def test_many_writers_in_two_processes_worth_of_connections_lose_nothing(
    database: Database, tmp_path: Path
) -> None:
    other = Database(f"sqlite:///{tmp_path / 'maye.db'}")
    failures: list[BaseException] = []

    def write(target: Database) -> None:
        try:
            for _ in range(25):
                with target.session_scope() as session:
                    raise_counter(session, RUN_COUNTER)
        except sa.exc.SQLAlchemyError as e:
            failures.append(e)

    threads = [threading.Thread(target=write, args=(target,)) for target in (database, other) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failures == []
    with database.read_scope() as session:
        assert read_counter(session, RUN_COUNTER) == 150


def test_an_exception_rolls_everything_back(database: Database) -> None:
    def fail() -> None:
        with database.session_scope() as session:
            raise_counter(session, RUN_COUNTER)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read_scope() as session:
        assert read_counter(session, RUN_COUNTER) == 0


def test_pragmas_are_set_and_foreign_keys_hold(database: Database) -> None:
    with database.read_scope() as session:
        assert session.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(sa.text("PRAGMA synchronous")) == 1
        assert session.scalar(sa.text("PRAGMA busy_timeout")) == 10_000
    orphan = sa.text("INSERT INTO outbox (run_id, topic, created_at) VALUES ('0', 'x', '2026')")
    with pytest.raises(IntegrityError), database.session_scope() as session:
        session.execute(orphan)


def test_moments_come_back_in_utc_and_need_a_zone(database: Database) -> None:
    moment = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    with database.session_scope() as session:
        session.add(Worker(name="w", slots=1, last_seen_at=moment))
    with database.read_scope() as session:
        stored = session.get_one(Worker, "w").last_seen_at
    assert stored == moment
    assert stored.tzinfo is UTC
    with pytest.raises(StatementError, match="timezone"), database.session_scope() as session:
        session.add(Worker(name="v", slots=1, last_seen_at=datetime(2026, 5, 1)))


@pytest.mark.parametrize("value", [0.0, -1.5, math.inf, -math.inf])
def test_a_number_survives_its_way_into_the_database(value: float) -> None:
    assert join_float(*split_float(value)) == value


def test_nan_survives_too() -> None:
    assert split_float(math.nan) == (None, "NaN")
    assert math.isnan(join_float(None, "NaN"))


def test_an_upsert_changes_a_row_only_where_a_named_column_differs(database: Database) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    later = now + timedelta(hours=1)
    with database.session_scope() as session:
        upsert(session, Worker, [{"name": "w", "slots": 1, "last_seen_at": now}])
        row = {"name": "w", "slots": 1, "last_seen_at": later}
        upsert(session, Worker, [row], changed_by=("slots",))
        assert session.get_one(Worker, "w").last_seen_at == now
        session.expire_all()
        upsert(session, Worker, [{**row, "slots": 2}], changed_by=("slots",))
        assert session.get_one(Worker, "w").last_seen_at == later
        upsert(session, Outbox, [])
