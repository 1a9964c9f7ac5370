"""The judge's worker process: JSON lines in, JSON lines out, one answer after the other.

    python -m worker.rewards.judge_process TIMEOUT_S

Says `{"ready": true}`, then answers each `{"prediction": ..., "gold": ...}` with
`{"is_equal": ..., "has_raised": ...}` in the order asked. A comparison that takes longer than
TIMEOUT_S ends the process: the kernel's alarm stops it even inside a C extension and even when
the trainer is gone. No torch, no pickle.
"""

import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import TextIO

from worker.rewards.comparison import Comparison
from worker.rewards.math_answer import compare

MAX_MEMORY_BYTES = 4 * 2**30
"""Address space: a tower of powers must not take the trainer's memory."""


def answer_requests(
    requests: TextIO,
    replies: TextIO,
    timeout_s: float,
    compare: Callable[[str, str], Comparison] = compare,
) -> None:
    """Answer every line of `requests` with a line of `replies` until the input ends.

    Args:
        requests: Lines of JSON with `prediction` and `gold`.
        replies: Receives lines of JSON with `is_equal` and `has_raised`.
        timeout_s: Seconds after which SIGALRM ends the process.
        compare: What decides whether prediction and gold are equal.
    """
    _write(replies, {"ready": True})
    for line in requests:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, timeout_s)
        comparison = compare(request["prediction"], request["gold"])
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        _write(replies, asdict(comparison))


def _write(replies: TextIO, content: dict[str, bool]) -> None:
    replies.write(json.dumps(content) + "\n")
    replies.flush()


def main() -> None:
    """Serve standard input and output."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    # Whatever a library prints must not end up between the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    answer_requests(sys.stdin, replies, float(sys.argv[1]))


if __name__ == "__main__":
    main()
