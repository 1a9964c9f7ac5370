"""Worker process of one reward from an installed package: JSON lines in, JSON lines out.

    python -m worker.rewards.extra_process NAME TIMEOUT_S

Says `{"ready": true}`, then answers each `{"response": ..., "answer": ...}` with `{"value": ...}`,
or with `{"error": ...}` where the reward raised or gave no finite number. What takes longer than
TIMEOUT_S ends the process by the kernel's alarm.
"""

import json
import math
import os
import signal
import sys
from typing import TextIO

from worker.rewards.entry_points import ExtraRewardFunction, find_reward


def answer_requests(
    requests: TextIO, replies: TextIO, timeout_s: float, reward: ExtraRewardFunction
) -> None:
    """Answer every line of `requests` with a line of `replies` until the input ends."""
    _write(replies, {"ready": True})
    for line in requests:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, timeout_s)
        reply = measure(reward, request["response"], request["answer"])
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        _write(replies, reply)


def measure(reward: ExtraRewardFunction, response: str, answer: str) -> dict[str, float | str]:
    """What a reward says of a response: its value, or its error."""
    try:
        value = float(reward(response, answer))
    except Exception as error:  # a package of somebody else may raise anything; it is counted
        return {"error": repr(error)}
    return {"value": value} if math.isfinite(value) else {"error": f"{value} is not finite"}


def _write(replies: TextIO, content: dict[str, float | str]) -> None:
    replies.write(json.dumps(content) + "\n")
    replies.flush()


def main() -> None:
    """Load the reward and serve standard input and output."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever the package prints must not end up between the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    reward: ExtraRewardFunction = find_reward(sys.argv[1]).load()
    answer_requests(sys.stdin, replies, float(sys.argv[2]), reward)


if __name__ == "__main__":
    main()
