"""A trainer's exit becomes one word."""

import json
import signal
from pathlib import Path

import pytest

from backend.contract.artifacts import RunFolder
from backend.contract.messages import Outcome
from worker.outcome import EXIT_LOST, StopReason, judge_exit

FENCE = 3


@pytest.mark.parametrize(
    ("status", "stopped", "outcome"),
    [
        (0, None, Outcome.SUCCEEDED),
        (1, None, Outcome.FAILED),
        (EXIT_LOST, None, Outcome.LOST),
        (-signal.SIGKILL, None, Outcome.LOST),
        (-signal.SIGSEGV, None, Outcome.LOST),
        (-signal.SIGTERM, StopReason.CANCELLED, Outcome.CANCELLED),
        (0, StopReason.CANCELLED, Outcome.CANCELLED),
        (0, StopReason.PREEMPTED, Outcome.SUCCEEDED),
        (1, StopReason.PREEMPTED, Outcome.LOST),
        (-signal.SIGKILL, StopReason.PREEMPTED, Outcome.LOST),
    ],
)
def test_outcome_of_an_exit(
    tmp_path: Path, status: int, stopped: StopReason | None, outcome: Outcome
) -> None:
    end = judge_exit(status, folder=RunFolder(tmp_path), fence=FENCE, stopped=stopped)
    assert end.outcome is outcome
    assert end.fence == FENCE


def test_a_failure_that_the_trainer_wrote_down_is_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.failure(FENCE).parent.mkdir()
    folder.failure(FENCE).write_text(json.dumps({"code": "dataset_invalid", "message": "row 3"}))
    end = judge_exit(1, folder=folder, fence=FENCE, stopped=None)
    assert (end.error_code, end.reason) == ("dataset_invalid", "row 3")


def test_otherwise_the_last_words_of_the_log_are_told(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.log(FENCE).parent.mkdir()
    folder.log(FENCE).write_text("x\n" * 5000 + "ValueError: \x1b[31mno such split\x1b[0m\n")
    folder.failure(FENCE).write_text("{")
    end = judge_exit(1, folder=folder, fence=FENCE, stopped=None)
    assert end.error_code == "training_failed"
    assert end.reason is not None
    assert end.reason.endswith("ValueError: no such split")
