"""Two evaluations of the same problems: which were gained, which were lost, and is it chance."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.analysis.pairs import mcnemar_exact, paired_difference
from backend.api.schemas_evaluations import (
    ComparedGroup,
    ComparedProblem,
    Comparison,
    EvaluationInfo,
)
from backend.api.services.answers import show_evaluation
from backend.contract.errors import InvalidInputError
from backend.database.tables import Answer, Dataset, DatasetItem


@dataclass(frozen=True, slots=True)
class _Pair:
    problem: ComparedProblem
    solved_a: bool
    solved_b: bool


def compare(session: Session, a: int, b: int) -> Comparison:
    """Compare two evaluations on the problems that both have answered.

    Raises:
        NotFoundError: one of them does not exist.
        InvalidInputError: they are not of the same data set and split, or share no problem.
    """
    first, second = show_evaluation(session, a), show_evaluation(session, b)
    _check_comparable(first, second)
    solved_a, solved_b = load_solved(session, a), load_solved(session, b)
    pairs = _pair_up(session, first, solved_a, solved_b)
    if not pairs:
        raise InvalidInputError(f"evaluations {a} and {b} have no problem in common")
    gained = [pair.problem for pair in pairs if pair.solved_b and not pair.solved_a]
    lost = [pair.problem for pair in pairs if pair.solved_a and not pair.solved_b]
    difference = paired_difference(
        [pair.solved_a for pair in pairs], [pair.solved_b for pair in pairs]
    )
    return Comparison(
        a=first,
        b=second,
        num_problems=len(pairs),
        num_only_a=len(solved_a.keys() - solved_b.keys()),
        num_only_b=len(solved_b.keys() - solved_a.keys()),
        num_solved_a=sum(pair.solved_a for pair in pairs),
        num_solved_b=sum(pair.solved_b for pair in pairs),
        gained=gained,
        lost=lost,
        by_category=_group(pairs, lambda problem: problem.category),
        by_difficulty=_group(pairs, lambda problem: problem.difficulty),
        p_value=mcnemar_exact(len(gained), len(lost)),
        difference=difference.value,
        difference_low=difference.low,
        difference_high=difference.high,
    )


def load_solved(session: Session, evaluation_id: int) -> dict[str, bool]:
    """Problem id to solved: any of its responses is right."""
    solved = sa.func.max(sa.cast(Answer.is_correct, sa.Integer))
    query = sa.select(Answer.item_id, solved).where(Answer.evaluation_id == evaluation_id)
    return {row[0]: bool(row[1]) for row in session.execute(query.group_by(Answer.item_id))}


def _check_comparable(a: EvaluationInfo, b: EvaluationInfo) -> None:
    if (a.dataset, a.split) != (b.dataset, b.split):
        raise InvalidInputError(
            "only evaluations of the same data set and split can be compared; "
            f"a is of {a.dataset} {a.split}, b of {b.dataset} {b.split}"
        )


def _pair_up(
    session: Session,
    evaluation: EvaluationInfo,
    solved_a: dict[str, bool],
    solved_b: dict[str, bool],
) -> list[_Pair]:
    """Problems that both have answered, in file order."""
    query = (
        sa.select(DatasetItem)
        .join(Dataset, Dataset.id == DatasetItem.dataset_id)
        .where(Dataset.slug == evaluation.dataset, DatasetItem.split == evaluation.split)
        .order_by(DatasetItem.row)
    )
    common = solved_a.keys() & solved_b.keys()
    return [
        _Pair(_show(item), solved_a[item.item_id], solved_b[item.item_id])
        for item in session.scalars(query)
        if item.item_id in common
    ]


def _show(item: DatasetItem) -> ComparedProblem:
    return ComparedProblem(
        item_id=item.item_id,
        row=item.row,
        question=item.question,
        category=item.category,
        difficulty=item.difficulty,
        image_sha256=item.image_sha256,
    )


def _group(
    pairs: Sequence[_Pair], name_of: Callable[[ComparedProblem], str | None]
) -> list[ComparedGroup]:
    """Counts by name in alphabetical order, problems without one last."""
    groups: dict[str | None, list[_Pair]] = defaultdict(list)
    for pair in pairs:
        groups[name_of(pair.problem)].append(pair)
    return [
        ComparedGroup(
            name=name,
            num_problems=len(group),
            num_solved_a=sum(pair.solved_a for pair in group),
            num_solved_b=sum(pair.solved_b for pair in group),
            num_gained=sum(pair.solved_b and not pair.solved_a for pair in group),
            num_lost=sum(pair.solved_a and not pair.solved_b for pair in group),
        )
        for name, group in sorted(groups.items(), key=_by_name)
    ]


def _by_name(group: tuple[str | None, list[_Pair]]) -> tuple[bool, int, str]:
    name = group[0] or ""
    # Numbers as numbers: difficulty 10 comes after 9.
    return group[0] is None, int(name) if name.isdecimal() and len(name) < 19 else 0, name
