"""Transactions on both databases: all or nothing, never too long, and what SQLite loses is kept."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError, TimeoutError

from backend.database.columns import join_float, split_float, upsert
from backend.database.session import (
    RUN_COUNTER,
    Database,
    raise_counter,
    read_counter,
    was_too_slow,
)
from backend.database.tables import Outbox, RLStep, Sample, Worker


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, statement_timeout_s=0.3, pool_size=4, pool_timeout_s=0.2)
    yield database
    database.close()


def test_many_writers_in_two_processes_worth_of_connections_lose_nothing(database_url: str) -> None:
    database, other = Database(database_url), Database(database_url)
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
    database.close()


def test_an_exception_rolls_everything_back(database: Database) -> None:
    def fail() -> None:
        with database.session_scope() as session:
            raise_counter(session, RUN_COUNTER)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read_scope() as session:
        assert read_counter(session, RUN_COUNTER) == 0


def test_pragmas_of_sqlite_are_set(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'maye.db'}")
    with database.read_scope() as session:
        assert session.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(sa.text("PRAGMA synchronous")) == 1
        assert session.scalar(sa.text("PRAGMA busy_timeout")) == 10_000
        assert session.scalar(sa.text("PRAGMA foreign_keys")) == 1
    database.close()


def test_foreign_keys_hold(database: Database) -> None:
    orphan = Outbox(run_id=uuid4(), topic="x", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(IntegrityError), database.session_scope() as session:
        session.add(orphan)


ENDLESS = sa.text(
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) "
    "SELECT max(n) FROM numbers"
)


def test_reading_that_takes_too_long_is_ended_and_the_connection_goes_on(
    database: Database,
) -> None:
    for _ in range(2):
        started = time.perf_counter()
        with pytest.raises(OperationalError) as error, database.read_scope() as session:
            session.execute(ENDLESS).all()
        assert was_too_slow(error.value)
        assert 0.25 < time.perf_counter() - started < 3
    with database.read_scope() as session:
        assert read_counter(session, RUN_COUNTER) == 0
    with database.session_scope() as session:
        assert raise_counter(session, RUN_COUNTER) == 1


def test_a_request_does_not_wait_for_ever_for_a_connection(database: Database) -> None:
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(database.read_scope()).execute(sa.select(1))
        with pytest.raises(TimeoutError), database.read_scope() as session:
            session.execute(sa.select(1))


def test_reading_sees_one_moment_and_writes_nothing(database: Database) -> None:
    with database.read_scope() as session:
        assert read_counter(session, RUN_COUNTER) == 0
        with database.session_scope() as writing:
            raise_counter(writing, RUN_COUNTER)
        assert read_counter(session, RUN_COUNTER) == 0
    with database.read_scope() as session:
        assert read_counter(session, RUN_COUNTER) == 1


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


def test_many_rows_of_every_type_are_upserted_at_once(database: Database) -> None:
    run_id, key = uuid4(), {"rl_step": 1, "split": "train", "fence": 1, "seq": 1}
    rows = [
        {
            "run_id": run_id,
            **key,
            "position": i,
            "item_id": "\u00e9{,\"'\\ \n}",
            "response": "",
            "num_response_tokens": 2**63 - 1,
            "is_truncated": i == 1,
            "extracted_answer": None if i else "NULL",
            "is_correct": False,
            "outcome_reward": None if i == 2 else 5e-324 * i,
            "outcome_reward_nonfinite": "NaN" if i == 2 else None,
            "reward_parts": {"a": 0.1 * i, "b": "NaN"},
        }
        for i in range(3)
    ]
    for changed in ("", "new"):
        with database.session_scope() as session:
            wanted = [{**row, "response": changed} for row in rows]
            upsert(session, Sample, wanted, changed_by=("response",))
    with database.read_scope() as session:
        columns = sa.select(*Sample.__table__.columns).order_by(Sample.position)
        stored = [dict(row) for row in session.execute(columns).mappings()]
    assert stored == [{**row, "response": "new"} for row in rows]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    steps = [
        {"run_id": run_id, "rl_step": i, "epoch": 0.5, "samples": 1, "tokens": 1, "seconds": 0.1}
        | {"logged_at": now + timedelta(seconds=i), "fence": 1}
        for i in range(2)
    ]
    with database.session_scope() as session:
        upsert(session, RLStep, steps)
        upsert(session, RLStep, [{**step, "epoch": 9.0} for step in steps])
    with database.read_scope() as session:
        columns = sa.select(*RLStep.__table__.columns).order_by(RLStep.rl_step)
        assert [dict(row) for row in session.execute(columns).mappings()] == steps
