"""Curves over seeds: mean and spread at each point.

A point has a mean only where every run has one: runs that are ahead of the others, or a seed whose
ratio has a denominator of 0, would otherwise change who is averaged from point to point. Such a
point is a gap. Runs without any point (still queued) are not waited for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.analysis.report import Series, Spread

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class MeanCurve:
    """Mean over runs, with its spread."""

    x: tuple[float, ...]
    """Epochs or RL steps, ascending."""
    mean: tuple[float | None, ...]
    """[x] mean; None where a run has no point."""
    std: tuple[float | None, ...] | None
    """[x] standard deviation; None for a single run."""
    num_runs: int
    """Runs averaged."""

    def series(self, *, label: str, role: str, metric: str) -> Series:
        """The curve as a figure shows it."""
        return Series.model_validate(
            {
                "label": label,
                "role": role,
                "metric": metric,
                "x": self.x,
                "mean": self.mean,
                "std": self.std,
                "num_runs": self.num_runs,
            }
        )


def mean_curve(
    runs: Sequence[Points], spread: Spread, known: Iterable[float] = ()
) -> MeanCurve | None:
    """Mean and spread over runs; None where no point is common to all runs that have any.

    Args:
        runs: Points of each run.
        spread: Which standard deviation.
        known: Further x that were reached: gaps where no run has a value.
    """
    measured = [dict(points) for points in runs if points]
    if not measured:
        return None
    common = set.intersection(*(set(points) for points in measured))
    if not common:
        return None
    first = min(min(points) for points in measured)
    x = sorted(at for at in set().union(known, *measured) if first <= at <= max(common))
    values = {at: np.array([points[at] for points in measured]) for at in common}
    ddof = 0 if spread == "population" else 1
    return MeanCurve(
        x=tuple(float(at) for at in x),
        mean=tuple(float(values[at].mean()) if at in values else None for at in x),
        std=None
        if len(measured) < 2
        else tuple(float(values[at].std(ddof=ddof)) if at in values else None for at in x),
        num_runs=len(measured),
    )
