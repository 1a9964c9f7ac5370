r"""The judge: is the answer of a response the gold answer?

The answer is the content of the last balanced `\boxed{}`. It is compared by math-verify in worker
processes with a hard limit on the time of each comparison: an answer that hangs or crashes its
process is counted as a failed judgement, and costs nobody else's verdict. A second, much simpler
judge looks at every answer too; where the two differ the verdict is the first one's, and the
dispute is counted. docs/judge.md states what counts as equal.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from backend.contract.answers import last_boxed
from worker.rewards.child_process import Failure
from worker.rewards.extra import ExtraRewards, ExtraValues
from worker.rewards.second_judge import finds_equal
from worker.rewards.worker_pool import Reply, WorkerPool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's verdict on one response."""

    is_correct: bool
    """The extracted answer means the same as the gold answer; False for a failed judgement."""
    extracted_answer: str | None
    """Content of the last box; None without a box."""
    failure: Failure | None = None
    """Why the judge could not decide (hung, crashed or raised); None when it has."""
    is_disputed: bool = False
    """The judge has decided, and the second judge finds the opposite."""


class Judge:
    """Judges responses in worker processes; to be closed, or used as a context manager."""

    def __init__(
        self,
        timeout_s: float,
        *,
        num_workers: int = 1,
        extra: Sequence[str] = (),
        command: Sequence[str] | None = None,
    ) -> None:
        """Start the first processes; they load their libraries while the caller goes on.

        Args:
            timeout_s: Hard limit on judging one answer, in s of wall-clock time.
            num_workers: Most processes that judge at a time; verdicts do not depend on it.
            extra: Rewards from installed packages that are measured, too.
            command: Program of a process, in place of `worker.rewards.judge_process`.
        """
        own = [sys.executable, "-m", "worker.rewards.judge_process", str(timeout_s)]
        self._pool = WorkerPool(command or own, num_workers=num_workers, timeout_s=timeout_s)
        self._extra = ExtraRewards(extra, timeout_s=timeout_s, num_workers=num_workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()
        self._extra.close()

    def extra_values(self, responses: Sequence[tuple[str, str]]) -> list[ExtraValues]:
        """Values of the extra rewards for pairs of response text and gold answer, in order."""
        return self._extra.values(responses)

    def verdicts(self, responses: Sequence[tuple[str, str]]) -> list[Verdict]:
        """Verdicts on responses, in their order.

        The same answer to the same gold is judged once a call, so a failure does not cost its
        time again and again.

        Args:
            responses: Pairs of response text and gold answer.

        Raises:
            RuntimeError: A worker process cannot be started.
        """
        answers = [last_boxed(text) for text, _ in responses]
        # Without an answer or a gold there is nothing to compare, and nothing is right.
        pairs = dict.fromkeys(
            (answer, gold)
            for answer, (_, gold) in zip(answers, responses, strict=True)
            if answer and gold.strip()
        )
        replies = self._pool.ask([{"prediction": answer, "gold": gold} for answer, gold in pairs])
        found = {pair: _decide(*pair, reply) for pair, reply in zip(pairs, replies, strict=True)}
        return [
            found.get((answer or "", gold), Verdict(is_correct=False, extracted_answer=answer))
            for answer, (_, gold) in zip(answers, responses, strict=True)
        ]


def _decide(answer: str, gold: str, reply: Reply) -> Verdict:
    """Verdict on an answer, from what the judge's process said."""
    if isinstance(reply, dict):
        if not reply["has_raised"]:
            is_equal = bool(reply["is_equal"])
            is_disputed = is_equal != finds_equal(answer, gold)
            return Verdict(is_equal, answer, is_disputed=is_disputed)
        reply = Failure.RAISED
    return Verdict(is_correct=False, extracted_answer=answer, failure=reply)
