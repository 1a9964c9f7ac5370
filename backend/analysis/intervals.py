"""95 % intervals: of a share, of a mean over seeds, of a correlation.

The paired bootstrap for differences is in `pairs`.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
"""Share of such intervals that hold the true value."""

_Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))


def wilson(num_successes: int, num_trials: int) -> tuple[float, float]:
    """Wilson's score interval of a share.

    Raises:
        ValueError: no trials, or successes that are not among them.
    """
    if num_trials < 1:
        raise ValueError("an interval of a share needs at least one trial")
    if not 0 <= num_successes <= num_trials:
        raise ValueError(f"{num_successes} successes are not among {num_trials} trials")
    share = num_successes / num_trials
    shrink = 1 + _Z**2 / num_trials
    centre = (share + _Z**2 / (2 * num_trials)) / shrink
    spread = share * (1 - share) / num_trials + _Z**2 / (4 * num_trials**2)
    half = _Z * math.sqrt(spread) / shrink
    # Where none or all succeed the bound is 0 or 1; rounding would leave it beside.
    low = 0.0 if num_successes == 0 else centre - half
    high = 1.0 if num_successes == num_trials else centre + half
    return low, high


def student_t(values: Sequence[float]) -> tuple[float, float] | None:
    """Student's t interval of the mean of independent values; None for fewer than two."""
    if len(values) < 2:
        return None
    array = np.asarray(values, dtype=float)
    standard_error = float(array.std(ddof=1)) / math.sqrt(len(array))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(array) - 1)) * standard_error
    mean = float(array.mean())
    return mean - half, mean + half


def welch_t(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    """Welch's t interval of mean(first) - mean(second); None where either has fewer than two.

    The two are independent and may vary by different amounts. Where neither varies the interval
    has no width.
    """
    if len(first) < 2 or len(second) < 2:
        return None
    parts = [np.asarray(values, dtype=float) for values in (first, second)]
    difference = float(parts[0].mean() - parts[1].mean())
    errors = [float(part.var(ddof=1)) / len(part) for part in parts]
    if sum(errors) == 0:
        return difference, difference
    shares = [e**2 / (len(part) - 1) for e, part in zip(errors, parts, strict=True)]
    freedom = sum(errors) ** 2 / sum(shares)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom)) * math.sqrt(sum(errors))
    return difference - half, difference + half


def fisher_z(r: float, num_pairs: float) -> tuple[float, float] | None:
    """Fisher's interval of Pearson's r over independent pairs.

    Args:
        r: The correlation, -1 to 1.
        num_pairs: Independent pairs; a fraction where it is an effective number.

    Returns:
        The interval; None for three pairs or fewer.

    Raises:
        ValueError: r is not a correlation.
    """
    if not -1.0 <= r <= 1.0:
        raise ValueError(f"a correlation lies between -1 and 1; got {r}")
    if num_pairs <= 3:
        return None
    if abs(r) == 1.0:
        return r, r
    half = _Z / math.sqrt(num_pairs - 3)
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
