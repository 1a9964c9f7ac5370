"""Does reflection come with length? Pearson's r of their curves over RL steps.

Neighbouring steps are alike, so the steps count as fewer: n (1 - a b) / (1 + a b) with the lag-1
autocorrelations a and b of the two curves (Bartlett 1935). Fisher's interval rests on that number;
with n itself it would be too narrow.
"""

from collections.abc import Sequence

import numpy as np

from backend.analysis import keys
from backend.analysis.arms import Cell
from backend.analysis.curve_means import mean_curve
from backend.analysis.curves import RunCurves
from backend.analysis.intervals import fisher_z
from backend.analysis.report import Correlation, Estimate


def correlation_estimate(x: Sequence[float], y: Sequence[float]) -> Estimate | None:
    """Pearson's r of two curves with its interval; None where one does not vary."""
    first, second = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    r = float(np.clip(np.corrcoef(first, second)[0, 1], -1.0, 1.0))
    effective = effective_number(first, second)
    interval = fisher_z(r, effective)
    return Estimate(
        value=r,
        low=interval and interval[0],
        high=interval and interval[1],
        method=f"Fisher's z over {len(first)} RL steps, which autocorrelation makes as good as "
        f"{effective:.0f}",
        num_observations=len(first),
    )


def effective_number(x: np.ndarray, y: np.ndarray) -> float:
    """Independent pairs that two autocorrelated curves are worth; never more than they have."""
    product = _lag_1(x) * _lag_1(y)
    return min(float(len(x)), len(x) * (1 - product) / (1 + product))


def length_against_reflection(cells: Sequence[Cell]) -> tuple[Correlation, ...]:
    """One for each RL setting: of the mean curves over its seeds, as the paper's."""
    return tuple(
        Correlation(
            model=cell.model,
            dataset=cell.dataset,
            setting=arm.setting,
            r=length_reflection_r(arm.runs),
        )
        for cell in cells
        for arm in cell.arms
        if arm.kind == "rl"
    )


def length_reflection_r(runs: Sequence[RunCurves]) -> Estimate | None:
    """Correlation of the runs' mean response length and mean reflection ratio."""
    curves = [
        mean_curve([run.series.get(key, ()) for run in runs], "population")
        for key in (keys.RESPONSE_LENGTH, keys.REFLECTION_RATIO)
    ]
    by_step = [
        {x: mean for x, mean in zip(curve.x, curve.mean, strict=True) if mean is not None}
        for curve in curves
        if curve is not None
    ]
    if len(by_step) < 2:
        return None
    lengths, ratios = by_step
    steps = sorted(lengths.keys() & ratios.keys())
    return correlation_estimate([lengths[s] for s in steps], [ratios[s] for s in steps])


def _lag_1(values: np.ndarray) -> float:
    centred = values - values.mean()
    return float((centred[1:] * centred[:-1]).sum() / (centred**2).sum())
