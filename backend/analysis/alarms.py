"""When a run's curves need somebody: training has stopped helping (plateau), or has gone wrong.

Every rule compares against the noise of the run itself, so that a short run of small batches,
whose curves jump, raises nothing. The rules, with N steps logged:

- plateau ("bottleneck"): over the last half of at least 100 steps (50 to 500 of them), the upper
  end of the 95 % interval of the rise of training accuracy is below 4 points. The rise is the
  slope of the straight line through the window, times its steps. Accuracy of 95 % or more is
  no bottleneck. Once raised, it stays until the rise itself is 4 points.
- accuracy_collapse: the mean of the last 10 steps is below half of the best mean of 10 steps
  before them, and the fall is more than 5 standard errors of such a difference.
- entropy_collapse: the mean of the last 10 steps is below 0.05 nats and below a tenth of the
  highest, while accuracy is not 90 % or more (a policy that is right may be sure).
- responses_truncated, responses_empty, responses_repeating: more than half of the responses of
  the last 10 steps are.
- nonfinite: a loss or gradient norm of the last 10 steps is no number.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ACCURACY = "training/accuracy"
ENTROPY = "policy/entropy"
FRACTIONS = {
    "response/truncated_frac": ("responses_truncated", "reached the token limit"),
    "response/empty_frac": ("responses_empty", "were empty"),
    "response/repeating_frac": ("responses_repeating", "repeated themselves to the end"),
}
"""Metric to code of its alarm, and what the responses did."""
MUST_BE_FINITE = ("policy/loss", "policy/grad_norm", "training/sft_loss")

NUM_RECENT = 10
"""Steps whose mean stands for now."""
MIN_PLATEAU_STEPS = 100
MIN_WINDOW, MAX_WINDOW = 50, 500
LEAST_RISE = 0.04
NO_BOTTLENECK = 0.95
MIN_FALL_ERRORS = 5.0
SURE_ENTROPY_NATS = 0.05
RIGHT_ENOUGH = 0.9

Series = Sequence[tuple[int, float]]
"""(rl_step, value) in order of the steps."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something in a run's curves that somebody should look at."""

    code: str
    """Name of the rule."""
    text: str
    """What is seen, with its numbers."""
    since_rl_step: int
    """First step at which it held."""


def find_alarms(series: Mapping[str, Series], *, held: Collection[str] = ()) -> list[Alarm]:
    """What holds now, the gravest first.

    Args:
        series: Metric key to its points; keys that are absent raise nothing.
        held: Codes of the alarms that held before these points came.
    """
    alarms = [*_find_nonfinite(series), *_find_accuracy_collapse(series.get(ACCURACY, ()))]
    alarms += _find_entropy_collapse(series)
    for key, (code, what) in FRACTIONS.items():
        alarms += _find_fraction(series.get(key, ()), code, what)
    if not alarms:
        alarms += _find_plateau(series.get(ACCURACY, ()), is_held="plateau" in held)
    return alarms


def _find_nonfinite(series: Mapping[str, Series]) -> Iterator[Alarm]:
    """Of several such metrics, the first stands for all."""
    for key in MUST_BE_FINITE:
        recent = series.get(key, ())[-NUM_RECENT:]
        bad = [rl_step for rl_step, value in recent if not np.isfinite(value)]
        if bad:
            text = f"{key} is not finite at {len(bad)} of the last {len(recent)} steps"
            yield Alarm("nonfinite", text, bad[0])
            return


def _find_accuracy_collapse(points: Series) -> Iterator[Alarm]:
    steps, values = _finite(points)
    if len(values) < 2 * NUM_RECENT:
        return
    means = _rolling_means(values)
    before = means[:-NUM_RECENT]
    peak, now = float(before.max()), float(means[-1])
    # Neighbours differ by noise alone, but for the little that one step trains.
    noise = float(np.sqrt(np.mean(np.diff(values) ** 2) / 2))
    is_noise = peak - now <= MIN_FALL_ERRORS * noise * (2 / NUM_RECENT) ** 0.5
    if now >= peak / 2 or is_noise:
        return
    yield Alarm(
        "accuracy_collapse",
        f"training accuracy fell from {peak:.1%} (mean of {NUM_RECENT} steps, up to step "
        f"{steps[int(before.argmax()) + NUM_RECENT - 1]}) to {now:.1%} over the last {NUM_RECENT}",
        _since(steps, means < peak / 2),
    )


def _find_entropy_collapse(series: Mapping[str, Series]) -> Iterator[Alarm]:
    steps, values = _finite(series.get(ENTROPY, ()))
    _, accuracy = _finite(series.get(ACCURACY, ()))
    if len(values) < 2 * NUM_RECENT:
        return
    is_right = len(accuracy) > 0 and float(accuracy[-NUM_RECENT:].mean()) >= RIGHT_ENOUGH
    means = _rolling_means(values)
    highest, now = float(means.max()), float(means[-1])
    limit = min(SURE_ENTROPY_NATS, highest / 10)
    if now >= limit or is_right:
        return
    yield Alarm(
        "entropy_collapse",
        f"entropy fell from {highest:.3g} to {now:.2g} nats (means of {NUM_RECENT} steps): the "
        "policy samples almost the same response every time",
        _since(steps, means < limit),
    )


def _find_fraction(points: Series, code: str, what: str) -> Iterator[Alarm]:
    steps, values = _finite(points)
    if len(values) < NUM_RECENT:
        return
    means = _rolling_means(values)
    if means[-1] > 0.5:
        text = f"{means[-1]:.0%} of the responses of the last {NUM_RECENT} steps {what}"
        yield Alarm(code, text, _since(steps, means > 0.5))


def _find_plateau(points: Series, *, is_held: bool) -> Iterator[Alarm]:
    steps, values = _finite(points)
    if len(values) < MIN_PLATEAU_STEPS:
        return
    window = int(np.clip(len(values) // 2, MIN_WINDOW, MAX_WINDOW))
    recent = values[-window:]
    mean = float(recent.mean())
    time = np.arange(window) - (window - 1) / 2
    slope = float(time @ recent / (time @ time))
    residuals = recent - mean - slope * time
    error = float(np.sqrt(residuals @ residuals / (window - 2) / (time @ time)))
    rise = slope * window
    most = rise + float(stats.t.ppf(0.975, window - 2)) * error * window
    if (rise if is_held else most) >= LEAST_RISE or mean >= NO_BOTTLENECK:
        return
    yield Alarm(
        "plateau",
        f"training accuracy has stopped rising: {rise * 100:+.1f} points over the last "
        f"{window} steps, at most {most * 100:+.1f} (95 %), at a mean of {mean:.1%}",
        steps[-window],
    )


def _finite(points: Series) -> tuple[list[int], NDArray[np.float64]]:
    kept = [(rl_step, value) for rl_step, value in points if np.isfinite(value)]
    return [rl_step for rl_step, _ in kept], np.array([value for _, value in kept], dtype=float)


def _rolling_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of NUM_RECENT values in a row; the first ends at the NUM_RECENT-th value."""
    return np.convolve(values, np.full(NUM_RECENT, 1 / NUM_RECENT), mode="valid")


def _since(steps: Sequence[int], holds: NDArray[np.bool_]) -> int:
    """Step of the first rolling mean of the unbroken series of them that holds now."""
    broken = np.flatnonzero(~holds)
    first = int(broken[-1]) + 1 if len(broken) else 0
    return steps[first + NUM_RECENT - 1]
