"""Out of memory ends a run as such: phase, sizes, two settings that help; and it is not retried."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import torch

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import AnyRunConfig, EvaluationRunConfig, RLConfig, SFTConfig
from backend.contract.messages import Outcome
from worker import attempt
from worker.evaluation import evaluate as evaluating
from worker.kernel_kills import count_oom_kills
from worker.out_of_memory import describe, find_phase, is_out_of_memory
from worker.outcome import judge_exit
from worker.rl import response_collection

CONFIG = RLConfig(model="m", dataset="d")


def allocate_too_much() -> None:
    torch.empty(2**50, dtype=torch.uint8)


def python_runs_short() -> None:
    raise MemoryError


def gpu_runs_short() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


class FullEngine:
    def __init__(self, fail: Callable[[], None]) -> None:
        self.fail = fail

    def generate(self, *_: object, **__: object) -> None:
        self.fail()


@pytest.mark.parametrize("fail", [allocate_too_much, python_runs_short, gpu_runs_short])
def test_a_trainer_that_runs_out_of_memory_ends_its_run_with_phase_sizes_and_remedies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: Callable[[], None]
) -> None:
    run_id = uuid4()
    folder = Home(tmp_path).run(run_id)
    folder.root.mkdir(parents=True)
    folder.config.write_text(CONFIG.model_dump_json())

    def train(*_: object, **__: object) -> None:
        # The frame of Step II is what tells the phase.
        scope = vars(response_collection) | {"engine": FullEngine(fail)}
        exec("engine.generate()", scope)

    argv = ["worker.rl", "--home", str(tmp_path), "--run", str(run_id), "--fence", "1"]
    monkeypatch.setattr(sys, "argv", argv)
    status = attempt.main("worker.rl", train)
    end = judge_exit(status, folder=folder, fence=1, stopped=None)
    # FAILED is final: only LOST attempts are queued again.
    assert (end.outcome, end.error_code) == (Outcome.FAILED, "out_of_memory")
    assert end.reason is not None
    assert "while collecting responses" in end.reason
    assert "sampling.max_response_tokens 2048" in end.reason
    assert "lower engine.max_rows, or lower sampling.max_response_tokens" in end.reason


def test_another_error_is_not_taken_for_it() -> None:
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(ValueError("can't allocate memory"))


@pytest.mark.parametrize(
    ("cfg", "remedy"),
    [
        (CONFIG, "set algorithm.kl_coefficient to 0"),
        (SFTConfig(kind="sft", model="m", dataset="d"), "choose lora"),
        (EvaluationRunConfig(kind="evaluation", model="m", dataset="d"), "device auto"),
    ],
)
def test_without_a_known_phase_it_was_the_loading(cfg: AnyRunConfig, remedy: str) -> None:
    error = MemoryError()
    assert find_phase(error) is None
    told = describe(error, cfg)
    assert "while loading the model" in told
    assert remedy in told


def test_an_evaluation_s_own_settings_are_named_when_it_runs_short() -> None:
    def generate() -> None:
        exec("fail()", vars(evaluating) | {"fail": python_runs_short})

    with pytest.raises(MemoryError) as caught:
        generate()
    told = describe(caught.value, EvaluationRunConfig(kind="evaluation", model="m", dataset="d"))
    assert "while evaluating (evaluation.max_response_tokens 2048" in told


def test_the_first_device_to_fail_is_the_one_that_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    attempt._give_up(folder, 1, "out_of_memory", "first")
    attempt._give_up(folder, 1, "training_failed", "waited for device 1")
    assert json.loads(folder.failure(1).read_text())["code"] == "out_of_memory"


@pytest.mark.parametrize(
    ("num_kills", "outcome", "code"),
    [(0, Outcome.LOST, None), (1, Outcome.FAILED, "out_of_memory")],
)
def test_a_kill_counts_as_out_of_memory_only_when_the_kernel_says_so(
    tmp_path: Path, num_kills: int, outcome: Outcome, code: str | None
) -> None:
    end = judge_exit(
        -signal.SIGKILL,
        folder=RunFolder(tmp_path),
        fence=1,
        stopped=None,
        num_oom_kills=num_kills,
    )
    assert (end.outcome, end.error_code) == (outcome, code)


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("0::/a/b", "a/b/memory.events"),
        ("4:memory:/a/b", "memory/a/b/memory.oom_control"),
    ],
)
def test_kills_are_read_from_either_version_of_control_groups(
    tmp_path: Path, line: str, file: str
) -> None:
    groups = tmp_path / "cgroup"
    groups.write_text(f"9:pids:/a\n{line}\n")
    assert count_oom_kills(tmp_path, groups) == 0
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("oom 7\noom_kill 3\n")
    assert count_oom_kills(tmp_path, groups) == 3
