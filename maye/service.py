"""One long-running process of the platform: started by argv, watched, started again, stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
STEADY_AFTER_S = 30.0
"""A process that has lived this long is started again at once."""
POLL_S = 0.05


@dataclass(slots=True)
class Service:
    """A process and how to keep it alive. Start it from the main thread: it dies with that."""

    name: str
    argv: list[str]
    environment: Mapping[str, str]
    """All of its environment variables."""
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    """Monotonic time of the last start, in s."""
    backoff_s: float = FIRST_BACKOFF_S
    """How long the next restart waits."""
    restart_at: float | None = field(default=None)
    """Monotonic time of the next restart; None while it lives."""

    def start(self) -> None:
        """Start the process in a group of its own; its output goes to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "worker.leash"),
                    *(signal.SIGTERM.name, str(os.getpid()), *self.argv),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        self.restart_at = None

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def tend(self) -> str | None:
        """Start the process again if it died and its time has come; news in words, if any."""
        if self.process is None or self.is_alive:
            return None
        now = time.monotonic()
        if self.restart_at is None:
            is_steady = now - self.started_at > STEADY_AFTER_S
            self.backoff_s = FIRST_BACKOFF_S if is_steady else self.backoff_s
            self.restart_at = now + self.backoff_s
            self.backoff_s = min(2 * self.backoff_s, LONGEST_BACKOFF_S)
            return (
                f"{self.name} ended ({self.describe_exit()}): starting it again in "
                f"{self.restart_at - now:.1f} s (log: {self.log})"
            )
        if now >= self.restart_at:
            self.start()
            return f"{self.name} was started again"
        return None

    def stop(self, *, grace_s: float) -> None:
        """Ask the process to stop, after the grace kill its group; returns once it is gone."""
        if self.process is None:
            return
        if self.is_alive:
            self.process.terminate()
        try:
            self.process.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def describe_exit(self) -> str:
        """How the process ended."""
        status = self.process.poll() if self.process is not None else None
        if status is None:
            return "still running"
        return f"exit status {status}" if status >= 0 else signal.Signals(-status).name

    def last_words(self, num_lines: int = 15) -> str:
        """The end of its log."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-num_lines:])
