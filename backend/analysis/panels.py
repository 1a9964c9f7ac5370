"""Single panels of one model and data set: the experiment's curves and the published ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backend.analysis import keys
from backend.analysis.arms import Cell
from backend.analysis.curve_means import Points, mean_curve
from backend.analysis.curves import Decoded, RunCurves
from backend.analysis.published import PublishedSetting, accuracy_name
from backend.analysis.report import Panel, Series, Spread
from backend.analysis.table import share_over_problems
from backend.contract.metrics import metric_key

Axis = Literal["epoch", "RL step"]

_SPLIT_TITLES = {"validation": "Validation", "test": "Test"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """What the panels of one block are drawn from."""

    cell: Cell
    """Runs of one model on one data set."""
    published: PublishedSetting | None
    """The paper's curves of the same; None where it has none."""
    spread: Spread
    """Which standard deviation the bands are."""


def training_panel(sources: Sources, key: str, axis: Axis, title: str, y_label: str) -> Panel:
    """A training metric: by RL step, or at the end of each epoch where it is cumulative."""
    drawn: list[Series] = []
    for arm in sources.cell.trained:
        known = {step for run in arm.runs for step in run.epochs} if axis == "RL step" else ()
        curves = [_points(run, key, axis) for run in arm.runs]
        if curve := mean_curve(curves, sources.spread, known):
            drawn.append(curve.series(label=arm.setting, role=arm.kind, metric=key))
    name = keys.published_name(key)
    if name:
        drawn.extend(_published(sources.published, name, "paper: RL", key))
    return Panel(title=title, x_label=axis, y_label=y_label, series=tuple(drawn))


def accuracy_panel(sources: Sources, decoded: Decoded) -> Panel:
    """Accuracy on a split by epoch, against the untrained model."""
    key = metric_key(
        "evaluation/accuracy",
        k=decoded.k,
        pictures="own",
        split=decoded.split,
        temperature=float(decoded.temperature),
    )
    drawn: list[Series] = []
    for arm in sources.cell.trained:
        curves = [run.accuracy.get(decoded, ()) for run in arm.runs]
        if curve := mean_curve(curves, sources.spread):
            drawn.append(curve.series(label=arm.setting, role=arm.kind, metric=key))
    name = accuracy_name(decoded.split, decoded.k, decoded.temperature)
    for kind in ("RL", "SFT"):
        drawn.extend(_published(sources.published, f"{kind} {name}", f"paper: {kind}", key))
    end = max((series.x[-1] for series in drawn), default=1.0)
    drawn.extend(_vanilla(sources, decoded, key, end))
    split = _SPLIT_TITLES.get(decoded.split, decoded.split)
    return Panel(
        title=f"{split}, pass@{decoded.k}, T = {float(decoded.temperature)}",
        x_label="epoch",
        y_label="accuracy (share)",
        series=tuple(drawn),
    )


def most_frequent_words(sources: Sources, words: Sequence[str]) -> list[str]:
    """The words by how often training responses had them, else by the paper's counts."""

    def rank(word: str) -> tuple[float, float]:
        key = keys.word_key(word)
        own = sum(count for run in _runs(sources) for _, count in run.series.get(key, ()))
        theirs = sources.published.curve(f"count:{word}") if sources.published else ()
        return -own, -sum(theirs)

    return sorted(words, key=rank)


def counted_words(sources: Sources) -> list[str]:
    """Words that any run of the block has counted, by the alphabet."""
    found = {keys.word_of_key(key) for run in _runs(sources) for key in run.series}
    return sorted(word for word in found if word is not None)


def _runs(sources: Sources) -> list[RunCurves]:
    return [run for arm in sources.cell.trained for run in arm.runs]


def _points(run: RunCurves, key: str, axis: Axis) -> Points:
    points = run.series.get(key, ())
    if axis == "RL step":
        return points
    # Cumulative over the epoch: the value of its last step is the epoch's; an epoch that is not
    # over has none yet.
    placed = [(run.epochs[step], value) for step, value in points if step in run.epochs]
    return [(epoch, value) for epoch, value in placed if epoch > 0 and epoch == round(epoch)]


def _published(
    published: PublishedSetting | None, name: str, label: str, metric: str
) -> list[Series]:
    values = published.curve(name) if published else ()
    if published is None or not values:
        return []
    return [
        Series(
            label=label,
            role="published",
            metric=metric,
            x=tuple(float(at) for at in range(1, len(values) + 1)),
            mean=values,
            std=published.band(name),
            num_runs=published.num_runs(name),
        )
    ]


def _vanilla(sources: Sources, decoded: Decoded, metric: str, end: float) -> list[Series]:
    """Horizontal lines from epoch 0 to the end of the other curves."""
    own = share_over_problems(sources.cell.vanilla, decoded)
    theirs = (
        sources.published.vanilla(decoded.split, decoded.k, decoded.temperature)
        if sources.published
        else None
    )
    lines = [
        ("vanilla", "vanilla", None if own is None else own.value),
        ("published", "paper: vanilla", theirs),
    ]
    return [
        Series.model_validate(
            {
                "label": label,
                "role": role,
                "metric": metric,
                "x": (0.0, end),
                "mean": (value, value),
                "std": None,
                "num_runs": 1,
            }
        )
        for role, label, value in lines
        if value is not None
    ]
