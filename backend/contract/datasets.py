"""Data sets as platform and trainer see them: the manifest of an import, and one stored problem.

An imported data set lies under `Home.dataset(slug)`: `{split}.jsonl` with one `Item` a line and
`images/{sha256}`, each picture once.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from backend.contract.config import Slug

DatasetKind = Literal["text-dominant", "vision-dominant"]
MAX_PICTURE_PIXELS = 16_000_000
"""Largest picture of a data set; larger ones are refused before they are decoded."""
SplitName = Literal["train", "validation", "test"]
DatasetFormat = Literal["jsonl", "parquet"]
ColumnName = Literal["id", "question", "answer", "solution", "image", "category", "difficulty"]
_PART = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
FileName = Annotated[str, Field(pattern=rf"^({_PART}/){{0,4}}{_PART}\.(jsonl|parquet)$")]
"""A file of rows in the data set's folder or in a folder below it."""
Files = FileName | Annotated[list[FileName], Field(min_length=1, max_length=1000)]
"""One file, or several whose rows follow one another."""


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
    format: DatasetFormat = "jsonl"
    """jsonl with pictures as files, or parquet with pictures in its rows."""
    splits: dict[SplitName, Files] = Field(min_length=1)
    """Split to its file or files in the folder; train is needed for training."""
    columns: dict[ColumnName, str] = Field(default_factory=dict[ColumnName, str])
    """Parquet only: columns that are named differently, for example `question: problem`."""

    @model_validator(mode="after")
    def _names_files_of_its_format(self) -> Self:
        wrong = [
            name
            for split in self.splits
            for name in self.files(split)
            if not name.endswith(f".{self.format}")
        ]
        if wrong:
            raise ValueError(f"format is {self.format}, but a split names {wrong[0]}")
        if self.columns and self.format != "parquet":
            raise ValueError("columns: only those of parquet files can be named, format is jsonl")
        return self

    def files(self, split: SplitName) -> list[str]:
        """The files of a split, in order."""
        files = self.splits[split]
        return [files] if isinstance(files, str) else files


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
