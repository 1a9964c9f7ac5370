"""A worker process, seen from the trainer: requests in, replies out, a hard limit on each."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

START_TIMEOUT_S = 120.0
"""Loading sympy takes a second; far more means that the machine is stuck."""

GRACE_S = 1.0
"""The process's own alarm comes first; this is for one that even the alarm does not end."""


class Failure(StrEnum):
    """Why a request has no result."""

    HUNG = "hung"
    """It took longer than the limit, and its process was killed."""
    CRASHED = "crashed"
    """Its process ended by itself: out of memory, a fault in a C extension."""
    RAISED = "raised"
    """It raised an error; the process goes on."""


class ChildProcess:
    """A process that answers lines of JSON in the order asked; once dead it stays dead."""

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        """Start it; it loads its libraries while the caller goes on.

        Args:
            command: The program; it must say a line of JSON when it is ready.
            timeout_s: Hard limit on one request, in s of wall-clock time.
        """
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            # Sympy's order of terms follows hashes: verdicts must not depend on the run.
            "PYTHONHASHSEED": "0",
        }
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.requests_fd = self._process.stdin.fileno()
        """Where requests leave."""
        self.replies_fd = self._process.stdout.fileno()
        """Where replies arrive."""
        os.set_blocking(self.requests_fd, False)
        self._limit_s = timeout_s + GRACE_S
        self._unsent = bytearray()
        self._unread = bytearray()
        self.is_ready = False
        """It has loaded its libraries."""
        self.asked: list[int] = []
        """Numbers of the requests without a reply, oldest first."""
        self.deadline = time.monotonic() + START_TIMEOUT_S
        """When it is killed, unless a reply comes: monotonic time in s."""
        self.ended_by: Failure | None = None
        """Why it is gone; None while it lives."""

    @property
    def is_alive(self) -> bool:
        """The process runs; False as soon as it has ended, even if nobody has noticed yet."""
        return self.ended_by is None and self._process.poll() is None

    @property
    def has_unsent(self) -> bool:
        """Requests wait for room in the pipe."""
        return bool(self._unsent)

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None while it lives."""
        return self._process.returncode

    def ask(self, number: int, request: Mapping[str, str]) -> None:
        """Queue a request under a number."""
        if self.is_ready and not self.asked:
            self.deadline = time.monotonic() + self._limit_s
        self.asked.append(number)
        self._unsent += json.dumps(request).encode() + b"\n"

    def write(self) -> None:
        """Send what fits into the pipe."""
        try:
            num_written = os.write(self.requests_fd, self._unsent[:65536])
        except BrokenPipeError:
            # It has ended; reading what it has still said comes first.
            self._unsent.clear()
        else:
            del self._unsent[:num_written]

    def read(self) -> list[tuple[int, dict[str, Any]]]:
        """The replies that have arrived, by the numbers of their requests.

        At the end of the process `ended_by` is set.
        """
        received = os.read(self.replies_fd, 65536)
        if not received:
            self._process.wait()
            # The alarm of the process itself is the hard limit, too.
            self.end(Failure.HUNG if self.status == -signal.SIGALRM else Failure.CRASHED)
            return []
        *lines, self._unread = (self._unread + received).split(b"\n")
        if lines:
            self.deadline = time.monotonic() + self._limit_s
        if lines and not self.is_ready:
            self.is_ready = True
            lines = lines[1:]
        return [(self.asked.pop(0), json.loads(line)) for line in lines]

    def kill_when_late(self) -> None:
        """Kill it if its deadline is over while it owes a reply."""
        if self.ended_by is None and self.asked and time.monotonic() > self.deadline:
            self.end(Failure.HUNG)

    def end(self, why: Failure) -> None:
        """Kill the process, whatever it does; a second call does nothing."""
        if self.ended_by is None:
            self.ended_by = why
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
