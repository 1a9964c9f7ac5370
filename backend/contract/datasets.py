"""Data sets as platform and trainer see them: the manifest of an import, and one stored problem.

An imported data set lies under `Home.dataset(slug)`: `{split}.jsonl` with one `Item` a line and
`images/{sha256}`, each picture once.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.contract.config import Slug

DatasetKind = Literal["text-dominant", "vision-dominant"]
MAX_PICTURE_PIXELS = 16_000_000
"""Largest picture of a data set; larger ones are refused before they are decoded."""
SplitName = Literal["train", "validation", "test"]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.jsonl$")]


class DatasetManifest(BaseModel):
    """What a data set says of itself: `dataset.yaml` in its folder, or the import request."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    slug: Slug
    """Unique name."""
    title: str = Field(min_length=1, max_length=200)
    """Name for people."""
    kind: DatasetKind
    """Where most of the needed information stands: in the text or in the picture."""
    licence: str = Field(min_length=1, max_length=200)
    """Licence of questions and pictures."""
    splits: dict[SplitName, FileName] = Field(min_length=1)
    """Split to JSONL file in the folder; train is needed for training."""


class Item(BaseModel):
    """One problem of an imported data set."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str = Field(min_length=1, max_length=200)
    """Unique in its split."""
    row: int = Field(ge=1)
    """Line in the imported file, from 1."""
    question: str
    """The question, without image placeholder."""
    answer: str = Field(min_length=1)
    """The gold answer, without \\boxed{}."""
    image: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the picture's file; None for text only."""
    solution: str | None = None
    """A worked solution, as the imported file has it; None where it has none."""
    category: str | None = None
    """Task family or topic, where the data set has one."""
    difficulty: str | None = None
    """How hard it is, in the data set's own words or numbers, where it says so."""
