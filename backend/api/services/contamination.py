"""What held-out problems share with training: the same problem, or the same picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.database.tables import DatasetItem

HELD_OUT = ("validation", "test")
MAX_LISTED_ROWS = 10


@dataclass(frozen=True, slots=True)
class SharedProblem:
    """A held-out problem whose picture and question both occur in training."""

    row: int
    """Its line in the file of its split, from 1."""
    train_row: int
    """The first such line in the file of the split train."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What one split shares with training."""

    split: str
    """The held-out split."""
    source: str
    """What was trained on, in words."""
    num_problems: int
    """Problems of the split."""
    shared: tuple[SharedProblem, ...]
    """Problems that occur in training, in file order; without pictures, the question counts."""
    num_known_pictures: int
    """Problems whose picture occurs in training, whatever the question."""

    @property
    def refusal(self) -> str | None:
        """The rule and the rows; None where no problem occurs in training."""
        if not self.shared:
            return None
        listed = ", ".join(
            f"{problem.row} (train row {problem.train_row})"
            for problem in self.shared[:MAX_LISTED_ROWS]
        )
        more = len(self.shared) - MAX_LISTED_ROWS
        return (
            f"{len(self.shared)} of {self.num_problems} problems of split {self.split} occur in "
            f"{self.source} with the same picture and the same question, which evaluates what was "
            f"learned by heart: rows {listed}" + f" and {more} more" * (more > 0)
        )

    @property
    def warning(self) -> str | None:
        """What a reader of results must know; None where no picture occurs in training."""
        if not self.num_known_pictures:
            return None
        return (
            f"{self.split}: {self.num_known_pictures} of {self.num_problems} problems show a "
            f"picture that also occurs in {self.source}"
        )


def find_overlap(
    session: Session,
    dataset_id: UUID,
    *,
    splits: Sequence[str] = HELD_OUT,
    trained_on: UUID | None = None,
    source: str = "train",
) -> tuple[Overlap, ...]:
    """What splits of a data set share with training; splits that it does not have are left out.

    Args:
        session: The transaction.
        dataset_id: The data set of the held-out splits.
        splits: The held-out splits.
        trained_on: The data set whose split train was trained on; None takes the same one.
        source: What was trained on, in words.
    """
    table = DatasetItem
    of_split = (table.dataset_id == dataset_id, table.split.in_(splits))
    counts = sa.select(table.split, sa.func.count()).where(*of_split).group_by(table.split)
    num_problems = {row[0]: row[1] for row in session.execute(counts)}
    trained_on = trained_on or dataset_id
    return tuple(
        Overlap(
            split=split,
            source=source,
            num_problems=num_problems[split],
            shared=_find_shared(session, dataset_id, split, trained_on),
            num_known_pictures=_count_known_pictures(session, dataset_id, split, trained_on),
        )
        for split in splits
        if split in num_problems
    )


def _find_shared(
    session: Session, dataset_id: UUID, split: str, trained_on: UUID
) -> tuple[SharedProblem, ...]:
    # One look at each problem: no index holds questions, so that a join would compare all of one
    # picture, or all without one, with each other.
    first_rows: dict[tuple[str | None, str], int] = {}
    for image, question, row in session.execute(_problems(trained_on, "train")):
        first_rows.setdefault((image, question), row)
    return tuple(
        SharedProblem(row, first_rows[image, question])
        for image, question, row in session.execute(_problems(dataset_id, split))
        if (image, question) in first_rows
    )


def _problems(dataset_id: UUID, split: str) -> sa.Select[str | None, str, int]:
    table = DatasetItem
    query = sa.select(table.image_sha256, table.question, table.row)
    return query.where(table.dataset_id == dataset_id, table.split == split).order_by(table.row)


def _count_known_pictures(session: Session, dataset_id: UUID, split: str, trained_on: UUID) -> int:
    # Not joined by the database: just after an import PostgreSQL knows no sizes, and compares all
    # rows with all.
    pictures = set(session.scalars(_pictures(trained_on, "train")))
    return sum(picture in pictures for picture in session.scalars(_pictures(dataset_id, split)))


def _pictures(dataset_id: UUID, split: str) -> sa.Select[str | None]:
    table = DatasetItem
    has_picture = table.image_sha256.is_not(None)
    query = sa.select(table.image_sha256)
    return query.where(table.dataset_id == dataset_id, table.split == split, has_picture)
