"""How an attempt ended: from what was asked of the trainer and how it exited."""

import json
import signal
from enum import StrEnum

from backend.contract.artifacts import RunFolder
from backend.contract.disk import EXIT_DISK_FULL, MAKE_ROOM
from backend.contract.errors import DiskFullError, TrainingError
from backend.contract.messages import AttemptEnd, Outcome
from worker.trainer_log import clean_text, read_last_lines

EXIT_LOST = 75
"""Exit status of a trainer that wants to be started again (EX_TEMPFAIL)."""
MAX_REASON_CHARS = 3800
KILLED_BY_KERNEL = (
    "the kernel killed the trainer because the machine's memory was full; the log says what it did "
    "last. What would help: lower tokens_per_micro_batch, or lower data.picture_cache_bytes. The "
    "run is not tried again with the same settings"
)
"""Reason of an attempt that the kernel's out-of-memory killer ended."""


class StopReason(StrEnum):
    """Why the runner stopped the trainer."""

    CANCELLED = "a user cancelled the run"
    PREEMPTED = "pre-empted: the worker is being stopped"
    LEASE_LOST = "the API could not be reached in time to renew the lease"
    REFUSED = "the API refused what the trainer wrote"


def judge_exit(
    status: int,
    *,
    folder: RunFolder,
    fence: int,
    stopped: StopReason | None,
    num_oom_kills: int = 0,
) -> AttemptEnd:
    """What to tell the API about a trainer's exit.

    Args:
        status: as `subprocess.Popen.returncode`: negative is the signal that killed it.
        folder: the run's files, for the failure that the trainer left and its log.
        fence: the attempt.
        stopped: why the runner stopped it; None when it ended by itself.
        num_oom_kills: processes that the kernel killed meanwhile for want of memory.
    """
    if stopped is StopReason.CANCELLED:
        return AttemptEnd(fence=fence, outcome=Outcome.CANCELLED, reason=stopped)
    if status == 0:
        return AttemptEnd(fence=fence, outcome=Outcome.SUCCEEDED)
    if stopped is not None:
        return AttemptEnd(fence=fence, outcome=Outcome.LOST, reason=stopped)
    if status == -signal.SIGKILL and num_oom_kills:
        return AttemptEnd(
            fence=fence, outcome=Outcome.FAILED, error_code="out_of_memory", reason=KILLED_BY_KERNEL
        )
    if status < 0:
        return AttemptEnd(fence=fence, outcome=Outcome.LOST, reason=_describe_signal(-status))
    if status == EXIT_LOST:
        reason = f"the trainer asked to be started again (exit status {EXIT_LOST})"
        return AttemptEnd(fence=fence, outcome=Outcome.LOST, reason=reason)
    failure = _read_failure(folder, fence)
    if failure is None and status == EXIT_DISK_FULL:
        reason = f"the disk of MAYE_HOME is full on the machine of the run: {MAKE_ROOM}"
        return AttemptEnd(
            fence=fence, outcome=Outcome.FAILED, error_code=DiskFullError.code, reason=reason
        )
    return failure or AttemptEnd(
        fence=fence,
        outcome=Outcome.FAILED,
        error_code=TrainingError.code,
        reason=f"the trainer exited with status {status}; its last words:\n"
        + read_last_lines(folder.log(fence), max_chars=MAX_REASON_CHARS - 100),
    )


def _describe_signal(number: int) -> str:
    """The signal that killed a trainer, in words."""
    name = signal.Signals(number).name
    hint = " (perhaps it ran out of memory)" if number == signal.SIGKILL else ""
    return f"the trainer was killed by {name}{hint}"


def _read_failure(folder: RunFolder, fence: int) -> AttemptEnd | None:
    """The failure that the trainer wrote down, if it could."""
    try:
        failure = json.loads(folder.failure(fence).read_text())
        code, message = str(failure["code"]), str(failure["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return AttemptEnd(
        fence=fence,
        outcome=Outcome.FAILED,
        error_code=code[:64],
        reason=clean_text(message)[:MAX_REASON_CHARS],
    )
