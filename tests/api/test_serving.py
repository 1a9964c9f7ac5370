"""`python -m backend.api` as a process: it says its API, and stops cleanly."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
from test_relay import free_port

COMMAND = [sys.executable, "-m", "backend.api"]


def environment(home: Path, **more: str) -> dict[str, str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("MAYE_")}
    return {**known, "MAYE_HOME": str(home), **more}


def test_the_api_describes_itself_without_starting(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [*COMMAND, "openapi"], env=environment(home), capture_output=True, check=True, timeout=60
    )
    described = json.loads(done.stdout)
    assert "/api/v1/runs/{run_id}/series" in described["paths"]
    operations = [operation for path in described["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    assert not home.exists()


def test_a_bad_setting_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND, env=environment(tmp_path, MAYE_PORT="x"), capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert b"MAYE_PORT" in done.stderr


def test_the_server_stops_cleanly_with_an_open_stream_and_logs_no_secret(tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            COMMAND,
            env=environment(tmp_path / "home", MAYE_PORT=str(port)),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            wait_until_ready(http, process)
            token = (tmp_path / "home" / "admin-token").read_text().strip()
            headers = {"Authorization": f"Bearer {token}"}
            http.get("/api/v1/runs", headers=headers, params={"cursor": token})
            with http.stream("GET", "/api/v1/stream", headers=headers) as stream:
                next(stream.iter_lines())
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
    text = log.read_text()
    assert token not in text
    assert "Traceback" not in text


def wait_until_ready(http: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 40
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
