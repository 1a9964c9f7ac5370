"""Lines of a real Celery worker on a real Redis: JSON each, no banner, and no secret in any."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maye.redis_server import PrivateRedis, build_redis
from tests.worker.jobs.fake_api import FakeApi, serve

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "canary-of-the-worker-token"


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    private, service = build_redis(tmp_path)
    service.start()
    try:
        wait_until(private.is_ready)
        yield private
    finally:
        service.stop(grace_s=10)


def test_every_line_of_a_worker_is_json_and_holds_no_secret(
    tmp_path: Path, redis: PrivateRedis
) -> None:
    api = FakeApi(TOKEN)
    server = serve(api)
    (tmp_path / "worker-token").write_text(TOKEN)
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("MAYE_")}
    environ = inherited | {
        "MAYE_HOME": str(tmp_path),
        "MAYE_API_URL": f"http://127.0.0.1:{server.server_port}",
        "MAYE_REDIS_URL": redis.url,
        "MAYE_LOG_FORMAT": "json",
        "MAYE_WORKER_NAME": "bench",
    }
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        argv = [sys.executable, "-m", "worker.celery_app"]
        worker = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=output, stderr=output)
    try:
        wait_until(lambda: worker.poll() is not None or " ready" in log.read_text())
        assert worker.poll() is None, log.read_text()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=60) == 0, log.read_text()
    finally:
        worker.kill()
        worker.wait()
        server.shutdown()
        server.server_close()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(line["service"], line["worker"]) for line in lines} == {("worker", "bench")}
    assert any("takes runs from" in line["message"] for line in lines)
    for secret in (TOKEN, redis.password):
        assert secret not in log.read_text()
