"""Worker processes that answer requests: whatever a request does, it costs no other's reply."""

import select
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from worker.rewards.child_process import ChildProcess, Failure

WINDOW = 16
"""Requests that a process has at a time: hides the pipe's delay, and keeps the rest to share."""

Reply = dict[str, Any] | Failure
"""What the process said, or why it could not."""


class WorkerPool:
    """Processes of one program, each with a hard limit on every request; to be closed.

    Replies belong to their requests, so they depend neither on the number of processes nor on
    which of them was faster. A process that hangs or crashes fails the request that it was busy
    with; a new one takes over the others.
    """

    def __init__(self, command: Sequence[str], *, num_workers: int, timeout_s: float) -> None:
        """Start the first process; the others start when there is work for them.

        Args:
            command: Program of a process: says a line of JSON when it is ready, then answers each
                line with a line.
            num_workers: Most processes at a time.
            timeout_s: Hard limit on one request, in s of wall-clock time.
        """
        self._command = tuple(command)
        self._num_workers = num_workers
        self._timeout_s = timeout_s
        self._children = [ChildProcess(self._command, timeout_s)]

    def close(self) -> None:
        """End all processes."""
        for child in self._children:
            child.end(Failure.CRASHED)
        self._children.clear()

    def ask(self, requests: Sequence[Mapping[str, str]]) -> list[Reply]:
        """Replies to requests, in their order.

        Raises:
            RuntimeError: A process cannot be started.
        """
        for child in [child for child in self._children if not child.is_alive]:
            # It died with nothing to do: no request is to blame.
            child.end(Failure.CRASHED)
            self._children.remove(child)
        waiting = deque(range(len(requests)))
        replies: dict[int, Reply] = {}
        while len(replies) < len(requests):
            self._hand_out(waiting, requests)
            self._exchange(replies)
            for child in [child for child in self._children if child.ended_by is not None]:
                self._bury(child, waiting, replies)
        return [replies[number] for number in range(len(requests))]

    def _hand_out(self, waiting: deque[int], requests: Sequence[Mapping[str, str]]) -> None:
        """Fill the windows of the processes, and start processes while work is left over."""
        for child in self._children:
            while waiting and len(child.asked) < WINDOW:
                number = waiting.popleft()
                child.ask(number, requests[number])
        while waiting and len(self._children) < self._num_workers:
            self._children.append(ChildProcess(self._command, self._timeout_s))
            self._hand_out(waiting, requests)

    def _exchange(self, replies: dict[int, Reply]) -> None:
        """Wait until a process takes or gives something, or is late."""
        busy = [child for child in self._children if child.asked]
        wait_s = max(0.0, min(child.deadline for child in busy) - time.monotonic())
        by_fd = {child.replies_fd: child for child in busy}
        sinks = {child.requests_fd: child for child in busy if child.has_unsent}
        readable, writable, _ = select.select(list(by_fd), list(sinks), [], wait_s)
        for fd in writable:
            sinks[fd].write()
        for fd in readable:
            replies.update(by_fd[fd].read())
        for child in busy:
            child.kill_when_late()

    def _bury(self, child: ChildProcess, waiting: deque[int], replies: dict[int, Reply]) -> None:
        """Count the request that a dead process was busy with; the others wait anew."""
        self._children.remove(child)
        if not child.is_ready:
            self.close()
            raise RuntimeError(
                f"a worker process of the rewards does not start: {child.ended_by}, exit status "
                f"{child.status}: {' '.join(self._command)}"
            )
        assert child.ended_by is not None
        failed, *others = child.asked
        replies[failed] = child.ended_by
        waiting.extendleft(reversed(others))
