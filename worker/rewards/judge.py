r"""The judge: is the answer of a response the gold answer?

The answer is the content of the last balanced `\boxed{}`. It is compared by math-verify in a
child process with a hard limit on its time: an answer that hangs or crashes the child is counted
as a failed judgement, and costs nobody else's verdict. docs/judge.md states what counts as equal.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from backend.contract.answers import last_boxed
from worker.rewards.comparison import DIFFERENT, FAILED, Comparison
from worker.rewards.judge_child import ChildEndedError, JudgeChild

_GRACE_S = 1.0
"""The child's own alarm comes first; this is for a child that even the alarm does not end."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's verdict on one response."""

    is_correct: bool
    """The extracted answer means the same as the gold answer."""
    has_failed: bool
    """The judgement hung, crashed or raised; `is_correct` is then False."""
    extracted_answer: str | None
    """Content of the last box; None without a box."""


class Judge:
    """Judges responses in a child process; to be closed, or used as a context manager."""

    def __init__(self, timeout_s: float, command: Sequence[str] | None = None) -> None:
        """Start the child; it loads its libraries while the caller goes on.

        Args:
            timeout_s: Hard limit on judging one answer, in s of wall-clock time.
            command: Program of the child, in place of `worker.rewards.judge_process`.
        """
        own = [sys.executable, "-m", "worker.rewards.judge_process", str(timeout_s)]
        self._command = tuple(command or own)
        self._timeout_s = timeout_s
        self._child = JudgeChild(self._command)

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
        """End the child process."""
        self._child.close()

    def verdicts(self, responses: Sequence[tuple[str, str]]) -> list[Verdict]:
        """Verdicts on responses, in their order.

        The same answer to the same gold is judged once a call, so a failure does not cost its
        time again and again.

        Args:
            responses: Pairs of response text and gold answer.

        Raises:
            RuntimeError: The child cannot be started.
        """
        answers = [last_boxed(text) for text, _ in responses]
        pairs = dict.fromkeys(
            (answer, gold)
            for answer, (_, gold) in zip(answers, responses, strict=True)
            if answer and gold.strip()
        )
        results = dict(zip(pairs, self._compare(list(pairs)), strict=True))
        verdicts: list[Verdict] = []
        for answer, (_, gold) in zip(answers, responses, strict=True):
            # Without an answer or a gold there is nothing to compare, and nothing is right.
            result = results.get((answer or "", gold), DIFFERENT)
            verdicts.append(Verdict(result.is_equal, result.has_failed, answer))
        return verdicts

    def _compare(self, pairs: Sequence[tuple[str, str]]) -> list[Comparison]:
        comparisons: list[Comparison] = []
        while len(comparisons) < len(pairs):
            self._make_ready()
            rest = pairs[len(comparisons) :]
            self._child.send([{"prediction": answer, "gold": gold} for answer, gold in rest])
            try:
                for _ in rest:
                    reply = self._child.receive(self._timeout_s + _GRACE_S)
                    comparisons.append(Comparison(**reply))
            except ChildEndedError:
                # The first answer without a reply is the one that the child was busy with.
                comparisons.append(FAILED)
                self._child = JudgeChild(self._command)
        return comparisons

    def _make_ready(self) -> None:
        try:
            self._child.wait_until_ready()
        except ChildEndedError as e:
            raise RuntimeError(f"the judge does not start: {e}: {' '.join(self._command)}") from e
