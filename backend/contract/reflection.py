"""Reflection words in responses, and the paper's five ratios, from counts over all responses.

The authors' code takes each ratio on every rank and averages them, and writes 0 where there is
nothing to divide by. Here the counts are taken over all responses first, and such a ratio is a gap.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backend.contract.config import ReflectionConfig


def count_words(text: str, cfg: ReflectionConfig) -> dict[str, int]:
    """Occurrences of each reflection word in a response; words that do not occur are left out.

    >>> count_words("Wait, await: let me RE-CHECK.", ReflectionConfig())
    {'re-check': 1, 'wait': 2}
    >>> count_words("Wait, await: let me RE-CHECK.", ReflectionConfig(match="word"))
    {'re-check': 1, 'wait': 1}
    """
    lower = text.lower()
    if cfg.match == "substring":
        counts = {word: lower.count(word) for word in cfg.words}
    else:
        counts = {
            word: len(re.findall(rf"(?<!\w){re.escape(word)}(?!\w)", lower)) for word in cfg.words
        }
    return {word: count for word, count in counts.items() if count}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReflectionCounts:
    """What some responses, all of a step or of an evaluation, have of reflection."""

    num_responses: int
    """N."""
    num_reflective: int
    """N_ref: responses with at least one reflection word."""
    num_correct: int
    """N+: right responses."""
    num_reflective_correct: int
    """N_ref+: right responses with at least one reflection word."""
    words: Mapping[str, int] = field(default_factory=dict[str, int])
    """Word to occurrences in all responses; words that do not occur may be absent."""

    def ratios(self) -> dict[str, float | None]:
        """The paper's five ratios by its names; None where there is nothing to divide by."""
        num_plain = self.num_responses - self.num_reflective
        num_incorrect = self.num_responses - self.num_correct
        reflective_incorrect = self.num_reflective - self.num_reflective_correct
        plain_correct = self.num_correct - self.num_reflective_correct
        right = self.num_reflective_correct
        return {
            "reflection_ratio": _ratio(self.num_reflective, self.num_responses),
            "reflection_ratio_in_correct_answers": _ratio(right, self.num_correct),
            "reflection_ratio_in_incorrect_answers": _ratio(reflective_incorrect, num_incorrect),
            "correct_ratio_in_reflection_texts": _ratio(right, self.num_reflective),
            "correct_ratio_in_no_reflection_texts": _ratio(plain_correct, num_plain),
        }

    def counts(self) -> dict[str, int]:
        """The four counts by their names."""
        return {
            "num_responses": self.num_responses,
            "num_reflective": self.num_reflective,
            "num_correct": self.num_correct,
            "num_reflective_correct": self.num_reflective_correct,
        }


def count_reflection(responses: Iterable[tuple[Mapping[str, int], bool]]) -> ReflectionCounts:
    """Counts over responses, each given by its `count_words` and whether it is right."""
    words: Counter[str] = Counter()
    num_responses = num_reflective = num_correct = num_reflective_correct = 0
    for found, is_correct in responses:
        words.update(found)
        num_responses += 1
        num_reflective += bool(found)
        num_correct += is_correct
        num_reflective_correct += bool(found) and is_correct
    return ReflectionCounts(
        num_responses=num_responses,
        num_reflective=num_reflective,
        num_correct=num_correct,
        num_reflective_correct=num_reflective_correct,
        words=dict(words),
    )


def _ratio(numerator: int, denominator: int) -> float | None:
    return numerator / denominator if denominator else None
