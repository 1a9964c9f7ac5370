"""A disk that takes no more: nothing half-written stays, and whoever must write says `disk_full`.

Files larger than RLIMIT_FSIZE are refused by the kernel as a full disk refuses them, in a process
of its own; no file system has to be made.
"""

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
import torch
from safetensors import SafetensorError

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import RLConfig
from backend.contract.disk import EXIT_DISK_FULL, DiskSpace, DiskState, is_full, read_space
from backend.contract.errors import CheckpointNotSavedError, DiskFullError
from backend.contract.messages import Claim, Outcome
from backend.contract.settings import Settings
from backend.contract.traces import StepTrace
from tests.worker.jobs.fake_api import FakeApi, serve
from tests.worker.modeling.test_checkpoint_faults import Spool, save_by_journal
from worker.outcome import judge_exit
from worker.rl import trace
from worker.runner import fail_for_want_of_room
from worker.shipping import Shipped, load_shipped, save_shipped
from worker.tasks import Doorbell

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "worker-token-of-the-test"
GIB = 2**30


def run_with_limit(code: str, *arguments: object, limit: int) -> subprocess.CompletedProcess[str]:
    """A Python process that may write no file larger than the limit, in bytes."""

    def obey() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        # -B: compiled modules would be cut short as well, for everybody who loads them later.
        [sys.executable, "-B", "-c", code, *map(str, arguments)],
        cwd=ROOT,
        preexec_fn=obey,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", worker_name="bench")


@contextmanager
def serving(api: FakeApi, settings: Settings) -> Iterator[Settings]:
    server = serve(api)
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.paths.worker_token.write_text(TOKEN)
    try:
        yield settings.model_copy(update={"api_url": f"http://127.0.0.1:{server.server_port}"})
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "no space"), True),
        (OSError(errno.EDQUOT, "quota"), True),
        (OSError(errno.EFBIG, "too large"), True),
        (OSError(errno.EIO, "broken"), False),
        (OSError("no number"), False),
        (SafetensorError("I/O error: No space left on device (os error 28)"), True),
        (SafetensorError("I/O error: Input/output error (os error 5)"), False),
        (ValueError("28"), False),
    ],
)
def test_which_errors_say_that_the_disk_is_full(error: Exception, expected: bool) -> None:
    assert is_full(error) is expected


def test_a_disk_is_ok_low_or_full(tmp_path: Path) -> None:
    states = [DiskSpace(100 * GIB, free, 2 * GIB).state for free in (4 * GIB, 4 * GIB - 1, GIB)]
    assert states == [DiskState.OK, DiskState.LOW, DiskState.FULL]
    # A folder that is yet to be made lies on its parent's disk.
    space = read_space(tmp_path / "not" / "yet", 0)
    assert (space.total_bytes, space.state) == (shutil.disk_usage(tmp_path).total, DiskState.OK)


SAVE = """
import sys
from pathlib import Path
from tests.worker.modeling.test_checkpoint_faults import Spool, save_by_journal
folder, spool = Path(sys.argv[1]), Spool()
save_by_journal(spool, folder, 1, total=3)
print([record.text for record in spool.records if record.type == "notice"])
try:
    save_by_journal(spool, folder, 3, total=3)
except Exception as error:
    print(type(error).__name__, error.code, error.message)
"""


def test_a_real_refusal_of_the_kernel_while_a_checkpoint_is_written(tmp_path: Path) -> None:
    save_by_journal(Spool(), tmp_path / "measured", 1, total=3)  # pyright: ignore
    sizes = [path.stat().st_size for path in (tmp_path / "measured").rglob("*.safetensors")]
    # Every file but the largest fits.
    done = run_with_limit(SAVE, tmp_path / "limited", limit=max(sizes) - 1)
    assert done.returncode == 0, done.stderr
    notices, failure = done.stdout.splitlines()
    assert "step-00000001.f1 could not be saved" in notices
    assert "training goes on" in notices
    assert failure.startswith("DiskFullError disk_full checkpoint step-00000003.f1")
    assert "make room on the disk of MAYE_HOME" in failure
    assert list((tmp_path / "limited").iterdir()) == []


def test_a_save_wants_room_for_more_than_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(DiskFullError, match=r"100 bytes are free on the disk, \d+ are wanted"):
        save_by_journal(spool, tmp_path, 3, total=3)  # pyright: ignore
    assert list(tmp_path.iterdir()) == []

    def break_down(*_: object) -> None:
        raise OSError(errno.EIO, "the disk broke")

    monkeypatch.setattr(shutil, "disk_usage", break_down)
    # Another failure keeps its own code.
    with pytest.raises(CheckpointNotSavedError, match="the disk broke"):
        save_by_journal(spool, tmp_path, 3, total=3)  # pyright: ignore


TRAIN = """
import resource
import sys
from backend.contract.messages import ProgressRecord
from worker import attempt
from worker.reporter import Reporter

def run(home, folder, fence, *, is_forced):
    # Only now: loading torch writes files of its own.
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
    reporter = Reporter(folder.spool(fence))
    while True:
        reporter.write(ProgressRecord(rl_step=0, total_rl_steps=1, phase="x" * 100))

sys.exit(attempt.main("made-up", run))
"""


@pytest.mark.parametrize("can_say_why", [True, False])
def test_a_trainer_that_cannot_report_fails_with_disk_full(
    tmp_path: Path, can_say_why: bool
) -> None:
    run_id = uuid4()
    place = ["--home", tmp_path, "--run", run_id, "--fence", 1]
    # With no byte to spare not even the reason can be written.
    code = TRAIN.replace("{limit}", str(4096 if can_say_why else 0))
    done = run_with_limit(code, *place, limit=10**9)
    assert done.returncode == EXIT_DISK_FULL, done.stderr
    folder = Home(tmp_path).run(run_id)
    assert folder.failure(1).read_bytes() != b"" or not can_say_why
    end = judge_exit(done.returncode, folder=folder, fence=1, stopped=None)
    assert (end.outcome, end.error_code) == (Outcome.FAILED, "disk_full")
    assert end.reason is not None
    assert "make room on the disk" in end.reason


WRITE = """
import sys
from pathlib import Path
import torch
from backend.contract.traces import StepTrace
from worker.rl.trace import write_trace
trace = StepTrace.model_construct(rl_step=1)
write_trace(Path(sys.argv[1]) / "step-00000001.f1.safetensors", trace, {"x": torch.zeros(10_000)})
"""


def test_half_a_trace_is_taken_away(tmp_path: Path) -> None:
    done = run_with_limit(WRITE, tmp_path, limit=20_000)
    assert done.returncode == 1
    assert "os error 27" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert run_with_limit(WRITE, tmp_path, limit=10**6).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.f1.safetensors"]


def test_a_trace_that_cannot_be_made_durable_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_: Path) -> None:
        raise OSError(errno.EIO, "the disk broke")

    monkeypatch.setattr(trace, "_sync", break_down)
    path = tmp_path / "step-00000001.f1.safetensors"
    with pytest.raises(OSError, match="the disk broke"):
        trace.write_trace(path, StepTrace.model_construct(rl_step=1), {"x": torch.zeros(10)})
    assert list(tmp_path.iterdir()) == []


KEEP = """
import sys
from pathlib import Path
from worker.evaluation.store import AnswerStore, Chunk
from worker.parallel.devices import Devices
from tests.worker.jobs.test_full_disk import answer
chunk = Chunk(rl_step=1, split="test", pictures="own", start=0, item_ids=("a",))
store = AnswerStore(Path(sys.argv[1]), {}, Devices.alone())
store.keep(chunk, "w", [answer()] * 100)
print(store.find(chunk, "w") is None)
"""


def answer():
    from backend.contract.messages import AnswerRecord

    return AnswerRecord.model_validate(
        {
            **{"rl_step": 1, "split": "test", "pictures": "own", "k": 1, "temperature": 0.0},
            **{"top_p": 1.0, "item_id": "a", "sample": 0, "response": "x" * 100},
            **{"num_response_tokens": 1, "is_truncated": False, "is_repeating": False},
            **{"extracted_answer": None, "is_correct": False, "failure": None},
            **{"reward_parts": {}, "reflection": {}},
        }
    )


def test_answers_that_cannot_be_kept_cost_nothing_else(tmp_path: Path) -> None:
    done = run_with_limit(KEEP, tmp_path, limit=5000)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True"
    assert "is not kept for a later attempt" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_how_far_was_shipped_is_whole_or_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shipped.json"
    save_shipped(path, Shipped(spool=1, log=2))

    def write_half(self: Path, text: str) -> int:
        with self.open("w") as file:
            file.write(text[:5])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(OSError, match="No space left"):
        save_shipped(path, Shipped(spool=3, log=4))
    assert load_shipped(path) == Shipped(spool=1, log=2)
    assert [file.name for file in tmp_path.iterdir()] == ["shipped.json"]


def test_a_worker_takes_nothing_while_its_disk_is_full(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    api = FakeApi(TOKEN)
    asked: list[str] = []
    answer_of: Callable = api.answer
    monkeypatch.setattr(
        api, "answer", lambda path, body: asked.append(path) or answer_of(path, body)
    )
    with serving(api, settings) as served:
        full = served.model_copy(update={"min_free_disk_bytes": 2**60})
        assert Doorbell(full).answer() == 0
        assert asked == []
        assert "no run is taken: the disk of MAYE_HOME is full" in caplog.text
        assert Doorbell(served.model_copy(update={"min_free_disk_bytes": 0})).answer() == 0
        assert len(asked) == 1


def test_a_runner_without_room_for_its_files_fails_the_run(settings: Settings) -> None:
    api = FakeApi(TOKEN)
    config = RLConfig(model="workbench-base", dataset="workbench-vision")
    claim = Claim(run_id=uuid4(), fence=1, lease_s=3.0, config=config)
    error = OSError(errno.ENOSPC, "No space left on device")
    with serving(api, settings) as served:
        end = fail_for_want_of_room(served, claim, error, is_asked_to_stop=lambda: False)
    assert end is not None
    (told,) = api.ends
    assert (told["outcome"], told["error_code"]) == ("failed", "disk_full")
    assert "No space left on device: make room" in told["reason"]


def test_a_configuration_is_whole_or_absent(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from uuid import uuid4
from backend.contract.artifacts import RunFolder
from backend.contract.config import RLConfig
from backend.contract.messages import Claim
from worker.runner import _prepare
claim = Claim(run_id=uuid4(), fence=1, lease_s=3.0, config=RLConfig(model="a", dataset="b"))
_prepare(RunFolder(Path(sys.argv[1])), claim)
"""
    done = run_with_limit(code, tmp_path, limit=1000)
    assert done.returncode == 1
    assert "OSError: [Errno 27]" in done.stderr
    folder = RunFolder(tmp_path)
    assert not folder.config.exists()
    assert not list(tmp_path.glob("*.tmp"))
    assert run_with_limit(code, tmp_path, limit=10**6).returncode == 0
    assert json.loads(folder.config.read_text())["model"] == "a"
