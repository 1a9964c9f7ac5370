"""The judge's child process, seen from the trainer: requests in, replies out, hard limits."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

START_TIMEOUT_S = 120.0
"""Loading sympy takes a second; far more means that the machine is stuck."""


class ChildEndedError(Exception):
    """The child hung and was killed, or ended by itself."""


class JudgeChild:
    """One child process; after a `ChildEndedError` it is gone, and another one is needed."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the process without waiting for it to be ready."""
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
        self._stdin = self._process.stdin.fileno()
        self._stdout = self._process.stdout.fileno()
        os.set_blocking(self._stdin, False)
        self._unsent = bytearray()
        self._unread = bytearray()
        self._is_ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def wait_until_ready(self) -> None:
        """Wait for the line that the child sends when it has loaded its libraries.

        Raises:
            ChildEndedError: It ended, or did not get ready in time.
        """
        if not self._is_ready:
            self.receive(START_TIMEOUT_S)
            self._is_ready = True

    def send(self, requests: Sequence[dict[str, str]]) -> None:
        """Queue requests; they leave while `receive` waits."""
        for request in requests:
            self._unsent += json.dumps(request).encode() + b"\n"

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Next reply; queued requests are sent meanwhile, so that neither side waits for a pipe.

        Args:
            timeout_s: Seconds to wait, counted from this call.

        Raises:
            ChildEndedError: The child ended, or was killed because the time was up.
        """
        deadline = time.monotonic() + timeout_s
        while (end := self._unread.find(b"\n")) < 0:
            sources = [self._stdout]
            sinks = [self._stdin] if self._unsent else []
            left_s = max(deadline - time.monotonic(), 0.0)
            readable, writable, _ = select.select(sources, sinks, [], left_s)
            if readable:
                self._read()
            elif left_s == 0.0:
                self.close()
                raise ChildEndedError(f"no reply within {timeout_s} s")
            if writable:
                self._write()
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return json.loads(line)

    def _read(self) -> None:
        received = os.read(self._stdout, 65536)
        if not received:
            self.close()
            raise ChildEndedError(f"exit status {self._process.returncode}")
        self._unread += received

    def _write(self) -> None:
        try:
            num_written = os.write(self._stdin, self._unsent[:65536])
        except BrokenPipeError:
            # The child has ended; reading what it has still said comes first.
            self._unsent.clear()
        else:
            del self._unsent[:num_written]

    def close(self) -> None:
        """Kill the process, whatever it does; a second call does nothing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
