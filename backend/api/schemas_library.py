"""Bodies of imports from the hub."""

from typing import Annotated

from pydantic import Field

from backend.api.schemas import Body
from backend.contract.config import Slug
from backend.contract.datasets import ColumnName, DatasetFormat, DatasetKind, SplitName

RepoId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$",
        description="Owner and name on the hub, for example hiyouga/geometry3k.",
    ),
]
Revision = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$",
        description="Branch, tag or commit; the commit it stands for is kept.",
    ),
]
FilePattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/*-]{0,255}$")]


class HubManifest(Body):
    """What a data set on the hub is: as dataset.yaml, its files named by patterns."""

    slug: Slug
    """Unique name."""
    title: str = Field(min_length=1, max_length=200)
    """Name for people."""
    kind: DatasetKind
    """Where most of the needed information stands: in the text or in the picture."""
    licence: str = Field(min_length=1, max_length=200)
    """Licence of questions and pictures."""
    format: DatasetFormat = "parquet"
    """parquet with pictures in its rows, or jsonl with pictures as files."""
    splits: dict[SplitName, FilePattern] = Field(min_length=1)
    """Split to its files, for example data/train-*.parquet."""
    columns: dict[ColumnName, str] = Field(default_factory=dict[ColumnName, str])
    """Parquet only: columns that are named differently, for example `question: problem`."""


class HubDatasetImport(Body):
    """Import a data set from the hub."""

    repo_id: RepoId
    revision: Revision = "main"
    manifest: HubManifest | None = None
    """What it is; None reads dataset.yaml in the repository."""


class HubModelImport(Body):
    """Register a model from the hub."""

    repo_id: RepoId
    revision: Revision = "main"
    slug: Slug
    """Unique name."""
    title: str = Field(min_length=1, max_length=200)
    """Name for people."""
