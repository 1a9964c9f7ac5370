"""The report of an experiment, as its page shows it and its exports write it.

All shares are 0..1. Where a value is not defined (no run has ended, a denominator is 0), it is
None: a gap, never 0.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

SettingKind = Literal["vanilla", "sft", "rl"]
Spread = Literal["population", "sample"]
"""Which standard deviation over seeds: divided by n (the paper's figures) or by n - 1."""
Verdict = Literal["true", "false", "not decidable"]


class Part(BaseModel):
    """A part of a report: closed and frozen."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Estimate(Part):
    """A number with its 95 % interval."""

    value: float
    """The estimate."""
    low: float | None
    """Lower end; None where too little was measured for an interval."""
    high: float | None
    """Upper end."""
    method: str
    """How the interval was made, in words (for example "Student's t over 3 seeds")."""
    num_observations: int
    """Seeds, or problems, that it rests on."""


class ReportRun(Part):
    """One run of the experiment."""

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
    """Seed; None for vanilla, which is evaluated once and shared."""
    status: str
    """Where the run stands."""


class TableEntry(Part):
    """One setting in one row of the table (Table 3 of the paper)."""

    setting: str
    """Name of the setting."""
    mean: Estimate | None
    """Mean over epochs and runs, epoch 0 left out; the interval is over runs."""
    maximum: Estimate | None
    """Best epoch of each run, averaged over runs; the interval is over runs."""
    mean_gain: float | None
    """mean / vanilla - 1: positive is a gain (red), negative a loss (green)."""
    maximum_gain: float | None
    """maximum / vanilla - 1."""


class TableRow(Part):
    """One decoding setting on one split, of one model and data set."""

    model: str
    """Slug of the model."""
    dataset: str
    """Slug of the data set."""
    split: str
    """validation or test."""
    k: int
    """Responses per problem; solved when any is right."""
    temperature: float
    """Softmax temperature."""
    vanilla: Estimate | None
    """The model before training, with Wilson's interval over problems."""
    entries: tuple[TableEntry, ...]
    """Trained settings, in the experiment's order."""


class Series(Part):
    """One curve: mean over seeds, with the spread."""

    label: str
    """For the legend."""
    role: Literal["vanilla", "sft", "rl", "published"]
    """Decides the colour: vanilla green, SFT blue, RL red, published grey."""
    metric: str
    """Name of what is drawn, for the exports."""
    x: tuple[float, ...]
    """Epochs or RL steps."""
    mean: tuple[float | None, ...]
    """[x] mean over seeds."""
    std: tuple[float | None, ...] | None
    """[x] standard deviation over seeds, drawn as a band; None for a single run."""
    num_runs: int
    """Runs behind the mean."""


class Panel(Part):
    """One pair of axes."""

    title: str
    """What is drawn."""
    x_label: str
    """epoch or RL step."""
    y_label: str
    """With the unit."""
    series: tuple[Series, ...]
    """Curves; empty where nothing is measured yet."""


class Block(Part):
    """The panels of one model and data set."""

    title: str
    """Model and data set."""
    num_columns: int
    """Panels per row."""
    panels: tuple[Panel, ...]
    """Row by row."""


class Figure(Part):
    """One figure in the paper's layout."""

    name: str
    """figure-4 to figure-8: part of the address of its exports."""
    title: str
    """Caption."""
    blocks: tuple[Block, ...]
    """One for each model and data set."""


class Correlation(Part):
    """Pearson's r of mean response length and mean reflection ratio over RL steps."""

    model: str
    """Slug of the model."""
    dataset: str
    """Slug of the data set."""
    setting: str
    """Name of the setting."""
    r: Estimate | None
    """With Fisher's interval; None where one of the two does not vary."""


class Finding(Part):
    """A claim of the paper as a test on this experiment's numbers."""

    name: str
    """Stable name, such as rl-beats-vanilla."""
    claim: str
    """What is claimed, for which model and data set."""
    verdict: Verdict
    """never more than the data say."""
    sentence: str
    """Why, with the numbers."""
    estimates: dict[str, Estimate]
    """The numbers by name."""


class ConfigDifference(Part):
    """A configuration field in which settings differ."""

    path: str
    """Dotted path of the field."""
    values: dict[str, object]
    """Setting to value; settings whose kind has no such field are left out."""


class Report(Part):
    """All that an experiment says."""

    experiment_id: UUID
    """The experiment."""
    name: str
    """Its name."""
    made_at: datetime
    """When these numbers were read (UTC)."""
    is_complete: bool
    """True when every run has succeeded."""
    spread: Spread
    """The standard deviation of the bands."""
    runs: tuple[ReportRun, ...]
    """All runs, in the order of the experiment."""
    warnings: tuple[str, ...]
    """What a reader must know: contaminated data, failed runs, unequal seeds."""
    table: tuple[TableRow, ...]
    """Table 3."""
    figures: tuple[Figure, ...]
    """Figures 4 to 8."""
    correlations: tuple[Correlation, ...]
    """Length against reflection."""
    findings: tuple[Finding, ...]
    """The paper's claims, tested."""
    differences: tuple[ConfigDifference, ...]
    """Where the settings' configurations differ."""
