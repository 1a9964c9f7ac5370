"""Two API processes on one PostgreSQL and one MAYE_HOME: as good as one, and each as the other."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from backend.contract.artifacts import Home
from backend.database.session import Database
from maye.redis_server import find_free_port
from tests.api.api_caller import SMALL, fill_library
from tests.packaging.conftest import ROOT
from tests.platform.living_platform import wait_until
from tests.postgres import PostgresServer

NUM_RACES = 2


@contextmanager
def serving(home: Path, url: str, port: int, host: str = "127.0.0.1") -> Iterator[str]:
    """An API process; its address."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("MAYE_")}
    ours = {"MAYE_HOME": str(home), "MAYE_DATABASE_URL": url, "MAYE_PORT": str(port)}
    ours |= {"MAYE_HOST": host}
    quick = {"MAYE_LEASE_S": "1", "MAYE_HEARTBEAT_S": "0.2", "MAYE_RELAY_S": "0.1"}
    with (home.parent / f"api-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend.api"],
            cwd=ROOT,
            env=clean | ours | quick,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://{host}:{port}"
    finally:
        process.terminate()
        # uvicorn stops cleanly, then lets the signal have its way.
        assert process.wait(timeout=30) in (0, -signal.SIGTERM)


def is_serving(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two-apis")


@pytest.fixture(scope="module")
def addresses(folder: Path, postgres: PostgresServer) -> Iterator[list[str]]:
    """Started at once, on an empty database."""
    url = postgres.create_empty()
    with ExitStack() as stack:
        found = [
            stack.enter_context(serving(folder / "home", url, find_free_port())) for _ in range(2)
        ]
        wait_until(lambda: all(map(is_serving, found)))
        database = Database(url)
        fill_library(database, Home(folder / "home"))
        database.close()
        yield found


@pytest.fixture(scope="module")
def people(folder: Path, addresses: list[str]) -> Iterator[list[httpx.Client]]:
    token = (folder / "home" / "admin-token").read_text().strip()
    clients = [
        httpx.Client(base_url=f"{a}/api/v1/", headers={"Authorization": f"Bearer {token}"})
        for a in addresses
    ]
    yield clients
    for client in clients:
        client.close()


def launch(person: httpx.Client) -> str:
    body = {"name": "shared", "config": SMALL | {"kind": "rl"}}
    answer = person.post("runs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_started_at_once_on_an_empty_database_both_serve(tmp_path: Path, postgres: PostgresServer):
    for race in range(NUM_RACES):
        url = postgres.create_empty()
        home = tmp_path / str(race) / "home"
        home.parent.mkdir()
        with (
            serving(home, url, find_free_port()) as one,
            serving(home, url, find_free_port()) as other,
        ):
            wait_until(lambda: is_serving(one) and is_serving(other))
            token = (home / "admin-token").read_text().strip()
            for address in (one, other):
                headers = {"Authorization": f"Bearer {token}"}
                assert httpx.get(f"{address}/api/v1/runs", headers=headers).is_success


def test_a_browser_signed_in_at_one_is_signed_in_at_the_other(folder: Path, addresses: list[str]):
    token = (folder / "home" / "admin-token").read_text().strip()
    one, other = addresses
    answer = httpx.post(f"{one}/api/v1/session", json={"token": token}, headers={"Origin": one})
    assert answer.is_success, answer.text
    (cookie,) = answer.cookies.items()
    assert httpx.get(f"{other}/api/v1/runs", cookies=dict([cookie])).is_success


def test_what_one_does_the_streams_of_both_tell(people: list[httpx.Client]):
    heard: dict[int, bool] = {}
    with ExitStack() as stack:
        lines = [
            stack.enter_context(person.stream("GET", "stream", timeout=20)).iter_lines()
            for person in people
        ]
        # Their first lines: both streams are open.
        for each in lines:
            next(each)
        run = launch(people[0])
        for number, each in enumerate(lines):
            heard[number] = any(run in line for line in each)
    assert heard == {0: True, 1: True}


def test_a_lost_run_is_taken_once_by_two_reconcilers(folder: Path, people: list[httpx.Client]):
    token = (folder / "home" / "worker-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    launch(people[1])
    base = str(people[0].base_url)
    claim = httpx.post(
        f"{base}worker/claim", json={"worker": "silent", "slots": 9}, headers=headers
    )
    assert claim.is_success, claim.text
    events = f"runs/{claim.json()['claim']['run_id']}/events"

    def lost() -> list[str]:
        return [line for line in map(json.dumps, people[0].get(events).json()) if "lost" in line]

    wait_until(lost)
    # Several sweeps of both.
    time.sleep(1.0)
    assert len(lost()) == 1


def test_the_address_that_it_was_told_to_listen_on_is_accepted(tmp_path: Path):
    home = tmp_path / "home"
    with serving(home, f"sqlite:///{tmp_path}/maye.db", find_free_port(), "127.1.2.3") as address:
        wait_until(lambda: is_serving(address))
        refused = httpx.get(f"{address}/readyz", headers={"Host": "127.1.2.4"})
    assert refused.status_code == 400
