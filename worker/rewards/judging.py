"""What the loops ask of a judge, whichever process or device decides."""

from collections.abc import Sequence
from typing import Protocol

from worker.rewards.extra import ExtraValues
from worker.rewards.judge import Verdict


class Judging(Protocol):
    """Decides responses; pairs are a response's text and the gold answer."""

    def verdicts(self, responses: Sequence[tuple[str, str]]) -> list[Verdict]:
        """Verdicts on pairs, in their order."""
        ...

    def extra_values(self, responses: Sequence[tuple[str, str]]) -> list[ExtraValues]:
        """Values of the extra rewards, in the order of the pairs."""
        ...
