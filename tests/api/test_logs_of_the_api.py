"""Lines of a real API process: JSON each, with the request's id, and no secret in any of them."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_caller import SMALL, Api, fill_library
from device_makers import announcement
from fastapi.testclient import TestClient

from backend.api.services import runs
from backend.contract.artifacts import Home
from backend.contract.logs import JsonFormatter
from backend.database.session import Database
from maye.redis_server import find_free_port
from tests.postgres import PostgresServer

DATABASE_PASSWORD = "canary-of-the-database"
REDIS_PASSWORD = "canary-of-redis"
FAKE_TOKEN = "canary-of-a-token"


@dataclass
class Process:
    """A served platform whose output goes to a file."""

    home: Path
    database_url: str
    port: int = field(default_factory=find_free_port)

    @contextmanager
    def serving(self, **variables: str) -> Iterator[httpx.Client]:
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith("MAYE_")
        }
        environ = inherited | {
            "MAYE_HOME": str(self.home),
            "MAYE_PORT": str(self.port),
            "MAYE_DATABASE_URL": self.database_url,
            # Nobody listens there: the relay says so.
            "MAYE_REDIS_URL": f"redis://:{REDIS_PASSWORD}@127.0.0.1:{find_free_port()}/0",
            "MAYE_RELAY_S": "0.2",
            **variables,
        }
        with (self.home / "api.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "backend.api"], env=environ, stdout=log, stderr=log
            )
        try:
            address = f"http://127.0.0.1:{self.port}"
            with httpx.Client(base_url=address, trust_env=False) as client:
                wait_until(lambda: process.poll() is not None or _answers(client))
                assert process.poll() is None, self.log
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)

    @property
    def log(self) -> str:
        return (self.home / "api.log").read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def process(tmp_path: Path, postgres: PostgresServer) -> Iterator[Process]:
    url = postgres.create_migrated()
    with_password = url.replace("://maye@", f"://maye:{DATABASE_PASSWORD}@")
    assert with_password != url
    database = Database(url)
    fill_library(database, Home(tmp_path))
    database.close()
    yield Process(tmp_path, with_password)
    postgres.drop(url)


def test_every_line_is_json_and_holds_no_secret(process: Process) -> None:
    run = "00000000-0000-0000-0000-000000000001"
    with process.serving(MAYE_LOG_FORMAT="json") as client:
        token = (process.home / "admin-token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        client.get("/readyz")
        client.get("/api/v1/runs", headers={**headers, "X-Request-ID": "mine-1"})
        client.get(f"/api/v1/runs/{run}?token={FAKE_TOKEN}", headers=headers)
        client.get("/api/v1/runs", headers={"Authorization": f"Bearer {FAKE_TOKEN}"})
        client.get(f"/{FAKE_TOKEN}.txt")
        client.post("/api/v1/session", json={"token": FAKE_TOKEN})
        bad = client.get("/api/v1/runs", headers={**headers, "X-Request-ID": "a b\x7f{}"})
        assert len(bad.headers["x-request-id"]) == 32
        answered = client.get("/healthz", headers={"X-Request-ID": "mine-2"})
        assert answered.headers["x-request-id"] == "mine-2"
        # A worker is there, so a run that waits is rung for.
        worker_token = (process.home / "worker-token").read_text().strip()
        by_worker = {"Authorization": f"Bearer {worker_token}"}
        announced = client.post(
            "/api/v1/worker/announce", headers=by_worker, json=announcement("host")
        )
        assert announced.status_code == 200, announced.text
        queued = client.post("/api/v1/runs", headers=headers, json={"name": "x", "config": SMALL})
        assert queued.status_code == 201, queued.text
        wait_until(lambda: "broker is unreachable" in process.log)
    for secret in (DATABASE_PASSWORD, REDIS_PASSWORD, FAKE_TOKEN, token, worker_token):
        assert secret not in process.log
    lines = process.lines
    assert {line["service"] for line in lines} == {"api"}
    (access,) = [line for line in lines if line.get("request_id") == "mine-1"]
    assert access["logger"] == "maye.access"
    assert (access["method"], access["route"], access["status"]) == ("GET", "/api/v1/runs", 200)
    assert 0 < access["duration_ms"] < 60_000
    (missing,) = [line for line in lines if line.get("status") == 404 and "{" in line["route"]]
    assert missing["route"] == "/api/v1/runs/{run_id}"
    assert run not in process.log


def test_text_is_for_people(process: Process) -> None:
    with process.serving(MAYE_LOG_FORMAT="text") as client:
        client.get("/healthz", headers={"X-Request-ID": "mine-3"})
    assert " INFO maye.access: GET /healthz 200 in " in process.log
    assert "[request_id=mine-3]" in process.log
    assert "Uvicorn running" in process.log


def test_an_error_inside_is_found_by_its_request_id(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(runs, "list_runs", fail)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter({}))
    logging.getLogger().addHandler(handler)
    try:
        client = TestClient(api.client.app, raise_server_exceptions=False)
        headers = {**api.person, "X-Request-ID": "mine-4"}
        answer = client.get("/api/v1/runs", headers=headers)
    finally:
        logging.getLogger().removeHandler(handler)
    assert (answer.status_code, answer.json()["request_id"]) == (500, "mine-4")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    (error,) = [line for line in lines if line["level"] == "ERROR"]
    assert error["request_id"] == "mine-4"
    assert error["message"].endswith("RuntimeError")
