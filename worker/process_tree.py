"""Starts a trainer as its own process group, and ends it with everything that it started."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import psutil

from worker.leash import leashed

MARK = "MAYE_TRAINER_OF"
"""Environment variable by which every process of a run's trainer is known on this host."""
PASSED_ON = frozenset({"MAYE_REWARD_ENTRY_POINTS"})
"""The platform's variables that a trainer gets: none of them is secret."""
POLL_S = 0.05


def start_trainer(
    argv: list[str], *, run_id: UUID, home: Path, log: Path, gpus: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """Start a trainer that dies with this process; call it from the main thread.

    It inherits the environment without the platform's own variables, which may hold secrets.

    Args:
        argv: Its argument vector.
        run_id: The run, by which its processes are known on this host.
        home: MAYE_HOME.
        log: File of its output.
        gpus: UUIDs of the GPUs that it may use, in its order; it sees no other.
    """
    inherited = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("MAYE_") or name in PASSED_ON
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            leashed(argv, on_death=signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=inherited
            | {
                "MAYE_HOME": str(home),
                MARK: str(run_id),
                "PYTHONUNBUFFERED": "1",
                "CUDA_VISIBLE_DEVICES": ",".join(gpus),
            },
            start_new_session=True,
        )


def has_exited(trainer: subprocess.Popen[bytes]) -> bool:
    """Whether the trainer has ended; it is not reaped, so its group's id stays its own."""
    if trainer.returncode is not None:
        return True
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, trainer.pid, options) is not None


def stop_trainer(trainer: subprocess.Popen[bytes], *, grace_s: float) -> None:
    """Ask the trainer's group to stop; after the grace kill it and all its descendants."""
    _signal_group(trainer, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while not has_exited(trainer) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    kill_tree(trainer)


def kill_tree(trainer: subprocess.Popen[bytes]) -> int:
    """Kill a trainer's group and every other descendant of this process, which adopts orphans.

    Returns:
        The trainer's exit status; negative is the signal that killed it.
    """
    _signal_group(trainer, signal.SIGKILL)
    status = trainer.wait()
    while children := psutil.Process().children(recursive=True):
        for child in children:
            _kill(child)
        psutil.wait_procs(children, timeout=1.0)
    return status


def kill_leftovers(run_id: UUID) -> list[int]:
    """Kill what an earlier attempt's trainer left on this host; the ids of the processes."""
    leftovers = [process for process in psutil.process_iter() if _is_marked(process, str(run_id))]
    for process in leftovers:
        _kill(process)
    psutil.wait_procs(leftovers, timeout=5.0)
    return [process.pid for process in leftovers]


def _signal_group(trainer: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the group of a trainer that was not reaped yet."""
    if trainer.returncode is None:
        os.killpg(trainer.pid, number)


def _kill(process: psutil.Process) -> None:
    """Kill a process that may be gone already."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _is_marked(process: psutil.Process, run_id: str) -> bool:
    """Whether a process belongs to the trainer of a run; another user's process does not."""
    try:
        return process.environ().get(MARK) == run_id
    except (psutil.Error, OSError):
        return False
