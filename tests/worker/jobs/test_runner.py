"""A runner turns whatever happens to its trainer into one word, and loses or doubles nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import pytest

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import RLConfig
from backend.contract.messages import Claim
from tests.worker.jobs.fake_api import FakeApi, serve
from tests.worker.jobs.fake_trainer import NUM_STEPS
from worker.process_tree import MARK

RUNNER = Path(__file__).with_name("run_attempt.py")
ROOT = Path(__file__).resolve().parents[3]
TOKEN = "worker-token-of-the-test"


def wait_until(condition: Callable[[], object], *, timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@dataclass
class Bench:
    """A fake API, a state folder, and runners in it."""

    api: FakeApi
    home: Path
    run_id: UUID
    environment: dict[str, str]
    runners: list[subprocess.Popen[str]]

    @property
    def folder(self) -> RunFolder:
        return Home(self.home).run(self.run_id)

    def start(self, mode: str, *, fence: int = 1, **settings: str) -> subprocess.Popen[str]:
        config = RLConfig(model="workbench-base", dataset="workbench-vision")
        claim = Claim(run_id=self.run_id, fence=fence, lease_s=3.0, config=config)
        log = (self.home / f"runner-{fence}.log").open("a")
        runner = subprocess.Popen(
            [sys.executable, str(RUNNER), mode],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=self.environment | settings,
        )
        log.close()
        self.runners.append(runner)
        assert runner.stdin is not None
        runner.stdin.write(claim.model_dump_json())
        runner.stdin.close()
        return runner

    def finish(self, runner: subprocess.Popen[str], *, timeout_s: float = 30.0) -> str:
        runner.wait(timeout=timeout_s)
        assert runner.stdout is not None
        with runner.stdout:
            return runner.stdout.read().strip()

    def trainer(self) -> psutil.Process:
        pid_file = self.folder.root / "trainer.pid"
        wait_until(lambda: pid_file.is_file() and pid_file.read_text())
        return psutil.Process(int(pid_file.read_text()))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    api = FakeApi(token=TOKEN)
    server = serve(api)
    (tmp_path / "worker-token").write_text(TOKEN + "\n")
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "MAYE_HOME": str(tmp_path),
        "MAYE_API_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "MAYE_HEARTBEAT_S": "0.2",
        "MAYE_SELF_STOP_S": "20",
        "MAYE_CANCEL_GRACE_S": "0.5",
        "MAYE_SHIP_S": "0.05",
    }
    bench = Bench(api, tmp_path, uuid4(), environment, [])
    yield bench
    for runner in bench.runners:
        runner.kill()
        runner.wait()
        assert runner.stdout is not None
        runner.stdout.close()
    server.shutdown()
    server.server_close()
    left = [process.pid for process in psutil.process_iter() if is_marked(process, bench.run_id)]
    assert left == [], "processes were left behind"


def is_marked(process: psutil.Process, run_id: UUID) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == str(
            run_id
        )
    except psutil.Error:
        return False


def all_steps(api: FakeApi) -> bool:
    return list(api.steps) == list(range(NUM_STEPS + 1)) and len(api.samples) == NUM_STEPS + 1


def test_a_success_is_shipped_completely(bench: Bench) -> None:
    assert bench.finish(bench.start("quick")) == "succeeded"
    (end,) = bench.api.ends
    assert (end["outcome"], end["reason"]) == ("succeeded", None)
    assert all_steps(bench.api)
    assert bench.api.text_of(1) == bench.folder.log(1).read_text()
    assert bench.api.beats[-1]["is_training"]
    assert bench.api.beats[-1]["phase"] == f"learning {NUM_STEPS}"
    config = RLConfig.model_validate_json(bench.folder.config.read_text())
    assert config.dataset == "workbench-vision"


def test_a_failure_keeps_the_trainers_words(bench: Bench) -> None:
    assert bench.finish(bench.start("failure")) == "failed"
    (end,) = bench.api.ends
    assert (end["error_code"], end["reason"]) == ("dataset_invalid", "row 3 has no answer")


def test_a_crash_tells_the_end_of_the_log(bench: Bench) -> None:
    assert bench.finish(bench.start("crash")) == "failed"
    (end,) = bench.api.ends
    assert end["error_code"] == "training_failed"
    assert end["reason"].endswith("RuntimeError: tensors do not fit")


def test_a_killed_trainer_is_lost_not_failed(bench: Bench) -> None:
    assert bench.finish(bench.start("killed")) == "lost"
    assert "SIGKILL" in bench.api.ends[0]["reason"]


def test_cancel_ends_the_whole_tree_even_a_stubborn_grandchild(bench: Bench) -> None:
    runner = bench.start("stubborn")
    wait_until(lambda: (bench.folder.root / "grandchild").is_file())
    asked_at = time.monotonic()
    bench.api.should_cancel = True
    assert bench.finish(runner) == "cancelled"
    assert time.monotonic() - asked_at < 10.0
    assert bench.api.ends[0]["outcome"] == "cancelled"
    grandchild = int((bench.folder.root / "grandchild").read_text())
    assert not psutil.pid_exists(grandchild)


def test_an_api_that_is_away_costs_nothing(bench: Bench) -> None:
    runner = bench.start("slow")
    wait_until(lambda: len(bench.api.steps) > 3)
    bench.api.is_away = True
    num_seen = len(bench.api.steps)
    time.sleep(4.0)
    assert len(bench.api.steps) == num_seen
    bench.api.is_away = False
    assert bench.finish(runner) == "succeeded"
    assert all_steps(bench.api)
    assert bench.api.text_of(1) == bench.folder.log(1).read_text()


def test_a_lost_answer_is_asked_for_again(bench: Bench) -> None:
    bench.api.num_lost_answers = 3
    assert bench.finish(bench.start("quick")) == "succeeded"
    assert bench.api.num_ingests > 3
    assert all_steps(bench.api)


def test_a_stale_fence_stops_the_trainer(bench: Bench) -> None:
    runner = bench.start("stubborn")
    trainer = bench.trainer()
    bench.api.fence = 2
    assert bench.finish(runner) == "nothing"
    assert not trainer.is_running()
    assert bench.api.ends == []


def test_a_lease_that_cannot_be_renewed_stops_the_trainer(bench: Bench) -> None:
    runner = bench.start("stubborn", MAYE_SELF_STOP_S="1.0")
    trainer = bench.trainer()
    wait_until(lambda: bench.api.beats)
    bench.api.is_away = True
    assert bench.finish(runner) == "nothing"
    assert not trainer.is_running()


def test_a_refused_record_fails_the_run_and_does_not_loop(bench: Bench) -> None:
    bench.api.refusal = (422, "invalid_input")
    assert bench.finish(bench.start("slow")) == "failed"
    assert bench.api.num_ingests == 1
    assert bench.api.ends[0]["error_code"] == "invalid_input"
    assert "refused by the test" in bench.api.ends[0]["reason"]


def test_a_runner_that_is_asked_to_go_gives_the_run_back(bench: Bench) -> None:
    runner = bench.start("slow")
    trainer = bench.trainer()
    wait_until(lambda: len(bench.api.steps) > 2)
    runner.send_signal(signal.SIGTERM)
    assert bench.finish(runner) == "lost"
    assert "pre-empted" in bench.api.ends[0]["reason"]
    assert not trainer.is_running()


def test_the_next_attempt_ships_what_a_killed_runner_left(bench: Bench) -> None:
    runner = bench.start("slow")
    wait_until(lambda: len(bench.api.steps) > 2)
    bench.api.is_away = True
    num_seen = len(bench.api.steps)
    spool = bench.folder.spool(1)
    wait_until(lambda: spool.read_bytes().count(b"\n") > 3 * num_seen + 9)
    trainer = bench.trainer()
    runner.kill()
    runner.wait()
    wait_until(lambda: not trainer.is_running() or trainer.status() == psutil.STATUS_ZOMBIE)
    with spool.open("ab") as torn:
        torn.write(b'00000100 12345678 {"type":"st')
    bench.api.is_away = False
    bench.api.fence = 2
    assert bench.finish(bench.start("failure", fence=2)) == "failed"
    written = spool.read_bytes().count(b'{"type":"step"')
    assert written > num_seen + 2
    assert list(bench.api.steps) == list(range(written))
    assert bench.api.text_of(1) == bench.folder.log(1).read_text()
    shipped = json.loads(bench.folder.shipped(1).read_text())
    assert shipped["spool"] == spool.stat().st_size


def test_what_an_earlier_attempt_left_running_is_killed(bench: Bench) -> None:
    code = "import time; time.sleep(600)"
    leftover = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {MARK: str(bench.run_id)}
    )
    assert bench.finish(bench.start("quick")) == "succeeded"
    assert leftover.wait(timeout=5.0) == -signal.SIGKILL


def test_the_trainer_sees_no_secrets(bench: Bench) -> None:
    secrets = {"MAYE_TOKEN": "t", "MAYE_REDIS_URL": "redis://:s@h/0", "MAYE_DATABASE_URL": "d"}
    assert bench.finish(bench.start("secrets", **secrets)) == "succeeded"
    names = json.loads(bench.folder.log(1).read_text().splitlines()[-1])
    assert names == ["MAYE_HOME", MARK]
