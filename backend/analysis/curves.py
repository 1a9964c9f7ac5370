"""What the analysis reads: the curves of each run and its answers, gathered by whoever has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from backend.analysis.report import SettingKind


@dataclass(frozen=True, slots=True, order=True)
class Decoded:
    """A split under a decoding setting, with the problems' own pictures."""

    split: str
    """validation or test."""
    k: int
    """Responses per problem."""
    temperature: float
    """Softmax temperature."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCurves:
    """One run: what it is, and what it logged."""

    run_id: UUID
    """The run."""
    model: str
    """Slug of the model."""
    dataset: str
    """Slug of the data set."""
    setting: str
    """Name of the setting."""
    kind: SettingKind
    """What the setting does."""
    seed: int | None
    """Seed; None for vanilla."""
    status: str
    """Where the run stands."""
    accuracy: Mapping[Decoded, Sequence[tuple[float, float]]]
    """(epoch, any-of-k accuracy) by epoch; vanilla has epoch 0 alone."""
    series: Mapping[str, Sequence[tuple[int, float]]]
    """Metric key to (rl_step, value) of training; gaps are left out."""
    epochs: Mapping[int, float]
    """rl_step to epoch."""
    solved: Mapping[Decoded, Mapping[str, bool]]
    """Problem id to solved (any of k), at the run's last evaluation."""
