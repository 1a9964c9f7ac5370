"""What an experiment is: models x data sets x settings x seeds, created in one request."""

from typing import Any, Literal

from pydantic import Field

from backend.contract.config import Slug
from backend.contract.config.closed import Closed


class ExperimentSetting(Closed):
    """One way to treat the model: untouched, fine-tuned on solutions, or trained by RL."""

    name: Slug
    """Unique in the experiment; a column of the table."""
    kind: Literal["vanilla", "sft", "rl"]
    """What it does."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Configuration of a run of this kind, without model, dataset and seed; defaults elsewhere."""


class ExperimentSpec(Closed):
    """A whole experiment."""

    name: str = Field(min_length=1, max_length=200)
    """Name for people."""
    models: tuple[Slug, ...] = Field(min_length=1, max_length=16)
    """Slugs of the models."""
    datasets: tuple[Slug, ...] = Field(min_length=1, max_length=16)
    """Slugs of the data sets."""
    settings: tuple[ExperimentSetting, ...] = Field(min_length=1, max_length=16)
    """Ways to treat each model on each data set."""
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1, max_length=32)
    """Seeds of every trained setting; vanilla is evaluated once."""
