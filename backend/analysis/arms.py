"""Runs put in order: cells of a model and a data set, and in each the settings with their seeds.

Failed and cancelled runs do not count: what they measured ends at an accident, so a mean over it
would compare unequal training. They are listed and warned about, and count again once resumed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.analysis.curves import Decoded, RunCurves
from backend.analysis.report import SettingKind
from backend.contract.runs import RunStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One setting in one cell."""

    setting: str
    """Name of the setting."""
    kind: SettingKind
    """What it does."""
    runs: tuple[RunCurves, ...]
    """Its runs that count, by seed."""

    @property
    def finished(self) -> tuple[RunCurves, ...]:
        """Runs that went to their end: findings rest on these alone."""
        return tuple(run for run in self.runs if run.status == RunStatus.SUCCEEDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One model on one data set."""

    model: str
    """Slug of the model."""
    dataset: str
    """Slug of the data set."""
    arms: tuple[Arm, ...]
    """Settings in the experiment's order."""

    @property
    def trained(self) -> tuple[Arm, ...]:
        """Settings that train: all but vanilla."""
        return tuple(arm for arm in self.arms if arm.kind != "vanilla")

    @property
    def vanilla(self) -> RunCurves | None:
        """The evaluation of the untrained model; None where there is none yet."""
        return next((run for arm in self.arms if arm.kind == "vanilla" for run in arm.runs), None)

    @property
    def decodings(self) -> tuple[Decoded, ...]:
        """What was measured, in the paper's order: validation first, then many samples first."""
        measured = {decoded for arm in self.arms for run in arm.runs for decoded in run.accuracy}
        return tuple(sorted(measured, key=_paper_order))


def cells(runs: Sequence[RunCurves], settings: Sequence[str]) -> tuple[Cell, ...]:
    """Cells of an experiment: data set by data set, in each model by model, as in the figures.

    Args:
        runs: All runs, in the order of the experiment.
        settings: Names of the settings in order; those of other runs follow.
    """
    datasets = ordered(run.dataset for run in runs)
    models = ordered(run.model for run in runs)
    names = ordered([*settings, *(run.setting for run in runs)])
    grid = [(model, dataset) for dataset in datasets for model in models]
    here = [[r for r in runs if (r.model, r.dataset) == place] for place in grid]
    return tuple(
        Cell(model=model, dataset=dataset, arms=_arms(found, names))
        for (model, dataset), found in zip(grid, here, strict=True)
        if found
    )


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in the order of first appearance."""
    return tuple(dict.fromkeys(names))


def counts(run: RunCurves) -> bool:
    """True for runs that enter means: neither failed nor cancelled."""
    return run.status not in (RunStatus.FAILED, RunStatus.CANCELLED)


def _arms(runs: Sequence[RunCurves], names: Sequence[str]) -> tuple[Arm, ...]:
    by_name = {name: [run for run in runs if run.setting == name] for name in names}
    return tuple(
        Arm(setting=name, kind=found[0].kind, runs=tuple(filter(counts, found)))
        for name, found in by_name.items()
        if found
    )


def _paper_order(decoded: Decoded) -> tuple[bool, str, int, float]:
    return (decoded.split != "validation", decoded.split, -decoded.k, -decoded.temperature)
