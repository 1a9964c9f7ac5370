"""Replaces itself by another program that dies when its parent dies (Linux).

`python -m worker.leash SIGNAL PARENT_PID PROGRAM ARGUMENT...`. The signal is sent by the kernel
when the *thread* that started the program ends: start it from a main thread.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def leashed(argv: list[str], *, on_death: signal.Signals) -> list[str]:
    """The argument vector that runs `argv` on a leash held by this process."""
    return [sys.executable, "-m", "worker.leash", on_death.name, str(os.getpid()), *argv]


def die_with_parent() -> None:
    """Have this process killed when the process that started it ends."""
    _prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    """Call prctl(2); other systems than Linux have none, and do without."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")


def main(arguments: list[str]) -> None:
    """Put on the leash and become the program."""
    on_death, parent, *argv = arguments
    _prctl(PR_SET_PDEATHSIG, int(signal.Signals[on_death]))
    if os.getppid() != int(parent):
        sys.exit(f"the parent {parent} is gone already: {argv[0]} is not started")
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
