"""A program in a terminal that it takes for real: what it draws is read, keys are sent."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ROWS, COLUMNS = 40, 120


class Terminal:
    """A process that leads a terminal of its own."""

    def __init__(self, argv: Sequence[str], *, environ: Mapping[str, str], folder: Path) -> None:
        self.text = ""
        """All that was drawn, without colours and movements."""
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(argv[0], list(argv), {**environ, "TERM": "xterm-256color"})
        fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self.handle)

    def read_until(self, pattern: str, *, timeout_s: float = 60.0) -> None:
        """Read until something stands there."""
        deadline = time.monotonic() + timeout_s
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, f"{pattern} did not come: {self.text[-2000:]}"
            assert self._read(), f"it ended before {pattern}: {self.text[-2000:]}"

    def press(self, keys: str) -> None:
        """Send keys."""
        os.write(self.handle, keys.encode())

    def wait(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        """Read what is there; False at the end."""
        if not select.select([self.handle], [], [], 0.5)[0]:
            return True
        try:
            piece = os.read(self.handle, 65_536)
        except OSError:
            # Linux says so when the last writer is gone.
            return False
        self.text += _ESCAPES.sub("", piece.decode(errors="replace"))
        return bool(piece)
