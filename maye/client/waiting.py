"""Waiting for runs: polled with growing pauses, through restarts of the server."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from backend.contract.runs import RunStatus
from maye.api_types import LogTail, RunDetail
from maye.client.connection import AwayError, ServerError
from maye.errors import CommandError

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 2.0
GROWTH = 1.5
MAX_AWAY_S = 300.0
"""A server that has been away for so long is not waited for any longer."""
AWAY_STATUSES = frozenset({502, 503, 504})
"""What a server that is starting, or a proxy before one that is away, answers."""
Answer = TypeVar("Answer")


class NotEndedError(CommandError, TimeoutError):
    """A run had not ended when the time to wait was over; it goes on."""


@dataclass(slots=True)
class Patience:
    """Pauses between looks, and how long a silent server is waited for."""

    deadline: float | None = None
    """When to give up (time.monotonic); None waits for ever."""
    pause_s: float = FIRST_PAUSE_S
    away_since: float | None = None

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        """An answer; None while nobody answers, for at most MAX_AWAY_S in a row.

        Raises:
            AwayError: nobody has answered for too long.
            ServerError: the server refused.
        """
        try:
            answer = question()
        except (AwayError, ServerError) as error:
            if isinstance(error, ServerError) and error.status not in AWAY_STATUSES:
                raise
            now = time.monotonic()
            if self.away_since is None:
                self.away_since = now
            if now - self.away_since > MAX_AWAY_S:
                raise
            return None
        self.away_since = None
        return answer

    def rest(self, *, has_news: bool) -> bool:
        """Pause, longer the longer nothing happens; False once the time is over."""
        self.pause_s = FIRST_PAUSE_S if has_news else min(LONGEST_PAUSE_S, self.pause_s * GROWTH)
        left_s = self.pause_s if self.deadline is None else self.deadline - time.monotonic()
        if left_s <= 0:
            return False
        time.sleep(min(self.pause_s, left_s))
        return True


def wait_for_end(
    look: Callable[[], RunDetail],
    *,
    timeout_s: float | None,
    on_progress: Callable[[RunDetail], None] | None,
) -> RunDetail:
    """Look until a run has ended.

    Args:
        look: asks for the run.
        timeout_s: longest wait; None waits for ever.
        on_progress: told the run whenever its status, step or phase has changed.

    Raises:
        NotEndedError: the time is over.
        AwayError: nobody has answered for MAX_AWAY_S.
        ServerError: the server refused.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    patience = Patience(deadline)
    told: tuple[object, ...] = ()
    run: RunDetail | None = None
    while True:
        found = patience.ask(look)
        has_news = False
        if found is not None:
            run = found
            state = (run["status"], run["rl_step"], run["phase"])
            has_news = state != told
            if has_news and on_progress is not None:
                on_progress(run)
            told = state
            if RunStatus(run["status"]).is_terminal:
                return run
        if not patience.rest(has_news=has_news):
            state = "nobody answers" if run is None else f"it is {run['status']}"
            raise NotEndedError(f"the run has not ended within {timeout_s:g} s: {state}")


def follow_log(
    read: Callable[[str | None], LogTail], look: Callable[[], RunDetail]
) -> Iterator[str]:
    """The log of a run as it grows, until the run has ended.

    Args:
        read: the log behind a cursor.
        look: asks for the run.

    Raises:
        AwayError: nobody has answered for MAX_AWAY_S.
        ServerError: the server refused.
    """
    patience = Patience()
    cursor: str | None = None
    has_ended = False
    while True:
        tail = patience.ask(lambda after=cursor: read(after))
        if tail is not None:
            cursor = tail["cursor"] or cursor
            if tail["text"]:
                yield tail["text"]
            elif has_ended:
                return
            run = patience.ask(look)
            has_ended = run is not None and RunStatus(run["status"]).is_terminal
        patience.rest(has_news=tail is not None and bool(tail["text"]))
