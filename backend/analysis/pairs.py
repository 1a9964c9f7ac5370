"""Two policies on the same problems: McNemar's exact test and the difference of their shares."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from backend.analysis.intervals import CONFIDENCE

NUM_RESAMPLES = 10_000
SEED = 20250403
"""Of the bootstrap: the same answers give the same interval."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The share of the second minus that of the first, over problems that both were asked."""

    value: float
    """The difference."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end."""


def mcnemar_exact(num_gained: int, num_lost: int) -> float:
    """Two-sided p of McNemar's exact test (McNemar 1947): are gains and losses equally likely?

    Problems on which both agree say nothing; without any other, p is 1.

    Raises:
        ValueError: a count is negative.

    >>> mcnemar_exact(5, 0)
    0.0625
    """
    if num_gained < 0 or num_lost < 0:
        raise ValueError(f"counts must not be negative, got {num_gained} and {num_lost}")
    num_discordant = num_gained + num_lost
    if num_discordant == 0:
        return 1.0
    return float(stats.binomtest(num_gained, num_discordant, 0.5).pvalue)


def paired_difference(first: Sequence[float], second: Sequence[float]) -> PairedDifference:
    """Mean of second - first with its percentile bootstrap interval over problems.

    Args:
        first: What the first policy got at each problem (solved: 1 or 0; a mean over seeds: any
            number).
        second: What the second got, in the same order of problems.

    Raises:
        ValueError: no problems, or not the same number of them.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} problems of the first, but {len(second)} of the second")
    if not first:
        raise ValueError("a difference needs at least one problem")
    differences = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    # Resampling problems is drawing how often each value of the difference comes up.
    values, counts = np.unique(differences, return_counts=True)
    generator = np.random.Generator(np.random.Philox(key=SEED))
    drawn = generator.multinomial(len(differences), counts / len(differences), NUM_RESAMPLES)
    means = drawn @ values / len(differences)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return PairedDifference(float(differences.mean()), float(low), float(high))
