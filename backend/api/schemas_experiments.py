"""Bodies about experiments; what an experiment says is `backend.analysis.report.Report`."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from backend.analysis.report import ConfigDifference, SettingKind
from backend.api.schemas import Body, RunSummary
from backend.contract.experiments import ExperimentSpec
from backend.contract.runs import RunStatus


class ExperimentSummary(Body):
    """An experiment as the list shows it."""

    id: UUID
    name: str
    models: list[str]
    datasets: list[str]
    settings: list[str]
    """Names, in the order of the table's columns."""
    seeds: list[int]
    """Seeds of every trained setting."""
    num_runs: int
    """Cells; a vanilla evaluation that several experiments share counts in each."""
    runs_by_status: dict[RunStatus, int]
    """States that occur, with the number of runs in each."""
    created_at: datetime


class ExperimentCell(Body):
    """One model, data set, setting and seed, with the run that stands for it now."""

    model: str
    dataset: str
    setting: str
    kind: SettingKind
    seed: int | None
    """None for vanilla, which is evaluated once."""
    run: RunSummary


class ExperimentDetail(ExperimentSummary):
    """An experiment with its runs."""

    spec: ExperimentSpec
    """As it was asked for."""
    cells: list[ExperimentCell]
    """By model, data set, setting and seed."""
    differences: list[ConfigDifference]
    """Fields in which the settings' configurations differ."""
    warnings: list[str]
    """What was found when it was created, and every reader of its report must know."""


class ExperimentPage(Body):
    """A page of experiments, newest first."""

    experiments: list[ExperimentSummary]
    next_cursor: str | None
    """Pass as `cursor` for the next page; None on the last."""


class ExperimentRename(Body):
    """Another name for an experiment."""

    name: str = Field(min_length=1, max_length=200)
    """Name for people."""


class ExperimentPresetInfo(Body):
    """A ready experiment."""

    slug: str
    title: str
    description: str
    unavailable_because: str | None
    """Why it cannot be launched now (a model or data set is absent); None when it can."""
    spec: ExperimentSpec
