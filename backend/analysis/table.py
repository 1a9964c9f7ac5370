"""The table of accuracies (Table 3 of the paper).

Mean is the mean over epochs, then over runs; Max is each run's best epoch, averaged over runs (not
the best epoch of the mean curve). Epoch 0, the model before training, is in neither.
"""

from collections.abc import Sequence

from backend.analysis.arms import Arm, Cell
from backend.analysis.curves import Decoded, RunCurves
from backend.analysis.intervals import student_t, wilson
from backend.analysis.report import Estimate, TableEntry, TableRow

Curve = Sequence[tuple[float, float]]


def mean_over_epochs(curve: Curve) -> float | None:
    """Mean of the accuracies after epoch 0; None without any."""
    trained = _trained(curve)
    return sum(trained) / len(trained) if trained else None


def best_epoch(curve: Curve) -> float | None:
    """Largest accuracy after epoch 0; None without any."""
    return max(_trained(curve), default=None)


def relative_gain(value: Estimate | None, vanilla: Estimate | None) -> float | None:
    """Relative change, value / vanilla - 1; None where either is missing or vanilla is 0."""
    if value is None or vanilla is None or vanilla.value == 0:
        return None
    return value.value / vanilla.value - 1


def share_over_seeds(values: Sequence[float]) -> Estimate | None:
    """Mean of one share per seed with Student's t interval, held within 0..1."""
    if not values:
        return None
    interval = student_t(values)
    num_seeds = len(values)
    return Estimate(
        value=sum(values) / num_seeds,
        low=None if interval is None else max(0.0, interval[0]),
        high=None if interval is None else min(1.0, interval[1]),
        method=f"Student's t over {num_seeds} seeds" if interval else "one seed, no interval",
        num_observations=num_seeds,
    )


def share_over_problems(run: RunCurves | None, decoded: Decoded) -> Estimate | None:
    """A run's last accuracy with Wilson's interval over problems: how vanilla is measured."""
    curve = run.accuracy.get(decoded, ()) if run else ()
    if run is None or not curve:
        return None
    value = max(curve)[1]
    num_problems = len(run.solved.get(decoded, {}))
    if not num_problems:
        return Estimate(
            value=value, low=None, high=None, method="problems unknown", num_observations=0
        )
    low, high = wilson(round(value * num_problems), num_problems)
    return Estimate(
        value=value,
        low=low,
        high=high,
        method=f"Wilson over {num_problems} problems",
        num_observations=num_problems,
    )


def build_table(cells: Sequence[Cell]) -> tuple[TableRow, ...]:
    """All rows: cell by cell, in each validation before test."""
    return tuple(_row(cell, decoded) for cell in cells for decoded in cell.decodings)


def _row(cell: Cell, decoded: Decoded) -> TableRow:
    vanilla = share_over_problems(cell.vanilla, decoded)
    return TableRow(
        model=cell.model,
        dataset=cell.dataset,
        split=decoded.split,
        k=decoded.k,
        temperature=decoded.temperature,
        vanilla=vanilla,
        entries=tuple(_entry(arm, decoded, vanilla) for arm in cell.trained),
    )


def _entry(arm: Arm, decoded: Decoded, vanilla: Estimate | None) -> TableEntry:
    curves = [run.accuracy.get(decoded, ()) for run in arm.runs]
    means = [value for curve in curves if (value := mean_over_epochs(curve)) is not None]
    bests = [value for curve in curves if (value := best_epoch(curve)) is not None]
    mean, maximum = share_over_seeds(means), share_over_seeds(bests)
    return TableEntry(
        setting=arm.setting,
        mean=mean,
        maximum=maximum,
        mean_gain=relative_gain(mean, vanilla),
        maximum_gain=relative_gain(maximum, vanilla),
    )


def _trained(curve: Curve) -> list[float]:
    return [accuracy for epoch, accuracy in curve if epoch > 0]
