"""The doorbell claims what there is, starts runners that outlive it, and never loads torch."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import pytest

from backend.contract.artifacts import Home
from backend.contract.broker import broker_options
from backend.contract.config import RLConfig
from backend.contract.messages import Claim
from backend.contract.runs import RING_TASK
from backend.contract.settings import Settings
from tests.worker.jobs.fake_api import FakeApi, serve
from worker.celery_app import build_app
from worker.tasks import Doorbell

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "worker-token-of-the-test"
DATASET = "workbench-vision"
BLOCKED = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "fastapi", "starlette", "sqlalchemy"}:
            raise AssertionError(f"{name} was imported")

sys.meta_path.insert(0, Refuse())
import worker.celery_app, worker.reporter, worker.runner, worker.tasks
assert "torch" not in sys.modules
"""


def make_claim(run_id: UUID) -> Claim:
    config = RLConfig(model="workbench-base", dataset=DATASET)
    return Claim(run_id=run_id, fence=1, lease_s=3.0, config=config)


def test_worker_and_runner_load_no_torch_and_no_web_framework() -> None:
    subprocess.run([sys.executable, "-c", BLOCKED], cwd=ROOT, check=True)


def test_a_ring_starts_a_detached_runner_for_every_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    run_ids = [uuid4(), uuid4()]
    api = FakeApi(token=TOKEN, fence=99)
    api.claims = [make_claim(run_id).model_dump(mode="json") for run_id in run_ids]
    server = serve(api)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("MAYE_API_URL", address)
    (tmp_path / "worker-token").write_text(TOKEN)
    for folder in (Home(tmp_path).model("workbench-base"), Home(tmp_path).dataset(DATASET)):
        folder.mkdir(parents=True)
    doorbell = Doorbell(Settings(home=tmp_path, api_url=address, worker_name="host"))
    assert doorbell.answer() == 2
    for run_id, runner in zip(run_ids, doorbell.runners, strict=True):
        assert os.getsid(runner.pid) == runner.pid != os.getsid(0)
        # The fence of the fake API is another: the runner learns that the run is not its own.
        assert runner.wait(timeout=30) == 1
        log = Home(tmp_path).run(run_id).log(1).with_suffix(".runner.log").read_text()
        assert "no longer ours" in log
        assert TOKEN not in log
    assert doorbell.answer() == 0
    assert doorbell.runners == []
    server.shutdown()
    server.server_close()


def test_a_run_whose_model_cannot_be_seen_is_given_back_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    run_id = uuid4()
    api = FakeApi(token=TOKEN)
    api.claims = [make_claim(run_id).model_dump(mode="json")]
    server = serve(api)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("MAYE_API_URL", address)
    (tmp_path / "worker-token").write_text(TOKEN)
    doorbell = Doorbell(Settings(home=tmp_path, api_url=address, worker_name="host"))
    assert doorbell.answer() == 1
    assert doorbell.runners[0].wait(timeout=30) == 0
    (end,) = api.ends
    assert end["outcome"] == "lost"
    assert f"({Home(tmp_path).model('workbench-base')})" in end["reason"]
    assert "must be shared with the API and mounted there" in end["reason"]
    assert not Home(tmp_path).run(run_id).config.exists()
    server.shutdown()
    server.server_close()


def test_a_ring_waits_a_little_for_an_api_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.tasks.RETRY_FOR_S", 0.3)
    monkeypatch.setattr("worker.tasks.RETRY_PAUSE_S", 0.05)
    api = FakeApi(token=TOKEN, is_away=True)
    server = serve(api)
    (tmp_path / "worker-token").write_text(TOKEN)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    started_at = time.monotonic()
    assert Doorbell(Settings(home=tmp_path, api_url=address, worker_name="host")).answer() == 0
    assert 0.3 < time.monotonic() - started_at < 10.0
    server.shutdown()
    server.server_close()


def test_the_workers_options_are_those_of_the_sender() -> None:
    settings = Settings(redis_url="redis://127.0.0.1:1/0")
    app = build_app(settings, Doorbell(settings))
    for name, value in broker_options().items():
        assert getattr(app.conf, name) == value
    assert app.conf.task_acks_late is False
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.accept_content == ["json"]
    assert RING_TASK in app.tasks


def test_a_worker_without_a_broker_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="MAYE_REDIS_URL"):
        build_app(Settings(), Doorbell(Settings()))


def test_a_leash_ends_a_program_with_its_parent() -> None:
    program = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    code = (
        "import signal, subprocess, sys, time\n"
        "from worker.leash import leashed\n"
        f"argv = leashed({program}, on_death=signal.SIGKILL)\n"
        "child = subprocess.Popen(argv, start_new_session=True)\n"
        "time.sleep(1.0)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    psutil.wait_procs([child], timeout=10.0)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
