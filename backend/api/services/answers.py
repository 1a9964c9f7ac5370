"""Stored evaluations and their single answers."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.analysis.intervals import wilson
from backend.api.schemas_evaluations import Answer, AnswerPage, EvaluationInfo
from backend.api.services.cursors import decode_cursor, encode_cursor
from backend.api.services.run_views import load_run
from backend.api.services.runs import PageRequest
from backend.contract.errors import NotFoundError
from backend.database import tables
from backend.database.tables import Dataset, DatasetItem, Evaluation, RLStep, Run


@dataclass(frozen=True, slots=True)
class AnswerFilter:
    """Which answers are asked for; None does not restrict."""

    item: str | None = None
    """Id of one problem."""
    correct: bool | None = None
    """The verdict."""
    reflective: bool | None = None
    """With or without reflection words."""
    category: str | None = None
    """Of the problem."""
    difficulty: str | None = None
    """Of the problem."""
    search: str | None = None
    """Part of response or question, in lower or upper case."""


def list_evaluations(session: Session, run_id: UUID) -> list[EvaluationInfo]:
    """The evaluations of a run, oldest first.

    Raises:
        NotFoundError: there is no such run.
    """
    load_run(session, run_id)
    return _load(session, Evaluation.run_id == run_id)


def show_evaluation(session: Session, evaluation_id: int) -> EvaluationInfo:
    """One evaluation.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = _load(session, Evaluation.id == evaluation_id)
    if not found:
        raise NotFoundError(f"there is no evaluation {evaluation_id}")
    return found[0]


def list_answers(
    session: Session, evaluation_id: int, wanted: AnswerFilter, page: PageRequest
) -> AnswerPage:
    """A page of answers with their problems, in the order of the imported file.

    Raises:
        NotFoundError: there is no such evaluation.
        InvalidInputError: the cursor is none of ours.
    """
    evaluation = show_evaluation(session, evaluation_id)
    table = tables.Answer
    dataset_id = sa.select(Dataset.id).where(Dataset.slug == evaluation.dataset).scalar_subquery()
    query = (
        sa.select(table, DatasetItem)
        .join(
            DatasetItem,
            (DatasetItem.dataset_id == dataset_id)
            & (DatasetItem.split == evaluation.split)
            & (DatasetItem.item_id == table.item_id),
        )
        .where(table.evaluation_id == evaluation_id, *_restrict(wanted))
    )
    if page.cursor is not None:
        row, sample = (int(part) for part in decode_cursor(page.cursor, 2))
        query = query.where(sa.tuple_(DatasetItem.row, table.sample) > sa.tuple_(row, sample))
    query = query.order_by(DatasetItem.row, table.sample).limit(page.limit + 1)
    rows = [(row[0], row[1]) for row in session.execute(query)]
    shown = rows[: page.limit]
    cursor = None
    if len(rows) > page.limit:
        cursor = encode_cursor(shown[-1][1].row, shown[-1][0].sample)
    return AnswerPage(
        evaluation=evaluation,
        answers=[_show(answer, item) for answer, item in shown],
        next_cursor=cursor,
    )


def _restrict(wanted: AnswerFilter) -> list[sa.ColumnElement[bool]]:
    table = tables.Answer
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.item is not None:
        conditions.append(table.item_id == wanted.item)
    if wanted.correct is not None:
        conditions.append(table.is_correct.is_(wanted.correct))
    if wanted.reflective is not None:
        reflects = table.num_reflections > 0
        conditions.append(reflects if wanted.reflective else sa.not_(reflects))
    if wanted.category is not None:
        conditions.append(DatasetItem.category == wanted.category)
    if wanted.difficulty is not None:
        conditions.append(DatasetItem.difficulty == wanted.difficulty)
    if wanted.search is not None:
        in_response = table.response.icontains(wanted.search, autoescape=True)
        in_question = DatasetItem.question.icontains(wanted.search, autoescape=True)
        conditions.append(in_response | in_question)
    return conditions


def _show(answer: tables.Answer, item: DatasetItem) -> Answer:
    return Answer(
        item_id=answer.item_id,
        row=item.row,
        sample=answer.sample,
        question=item.question,
        gold_answer=item.answer,
        category=item.category,
        difficulty=item.difficulty,
        image_sha256=item.image_sha256,
        response=answer.response,
        extracted_answer=answer.extracted_answer,
        is_correct=answer.is_correct,
        failure=answer.failure,
        num_response_tokens=answer.num_response_tokens,
        is_truncated=answer.is_truncated,
        is_repeating=answer.is_repeating,
        reward_parts={name: float(value) for name, value in answer.reward_parts.items()},
        reflection=answer.reflection,
    )


def _load(session: Session, which: sa.ColumnElement[bool]) -> list[EvaluationInfo]:
    """Evaluations with their counts; those without an answer yet do not exist."""
    table = tables.Answer
    per_problem = (
        sa.select(
            table.evaluation_id,
            sa.func.count().label("num_answers"),
            sa.func.sum(sa.cast(table.is_correct, sa.Integer)).label("num_correct"),
            sa.func.sum(table.num_response_tokens).label("num_tokens"),
        )
        .join(Evaluation, Evaluation.id == table.evaluation_id)
        .where(which)
        .group_by(table.evaluation_id, table.item_id)
        .subquery()
    )
    solved = sa.case((per_problem.c.num_correct > 0, 1), else_=0)
    counts = (
        sa.select(
            per_problem.c.evaluation_id,
            sa.func.count().label("num_problems"),
            sa.func.sum(per_problem.c.num_answers).label("num_answers"),
            sa.func.sum(per_problem.c.num_correct).label("num_correct"),
            sa.func.sum(solved).label("num_solved"),
            sa.func.sum(per_problem.c.num_tokens).label("num_tokens"),
        )
        .group_by(per_problem.c.evaluation_id)
        .subquery()
    )
    query = (
        sa.select(Evaluation, Run.dataset, RLStep.epoch, counts)
        .join(counts, counts.c.evaluation_id == Evaluation.id)
        .join(Run, Run.id == Evaluation.run_id)
        .outerjoin(
            RLStep, (RLStep.run_id == Evaluation.run_id) & (RLStep.rl_step == Evaluation.rl_step)
        )
        .order_by(Evaluation.rl_step, Evaluation.id)
    )
    return [_describe(row) for row in session.execute(query)]


def _describe(row: sa.Row[Any]) -> EvaluationInfo:
    evaluation: Evaluation = row[0]
    # PostgreSQL sums integers to decimals.
    num_problems, num_answers, num_solved = row.num_problems, int(row.num_answers), row.num_solved
    low, high = wilson(num_solved, num_problems)
    return EvaluationInfo(
        id=evaluation.id,
        run_id=evaluation.run_id,
        rl_step=evaluation.rl_step,
        epoch=row.epoch,
        dataset=row.dataset,
        split=evaluation.split,
        pictures=evaluation.pictures,
        k=evaluation.k,
        temperature=evaluation.temperature,
        top_p=evaluation.top_p,
        num_problems=num_problems,
        num_answers=num_answers,
        num_solved=num_solved,
        accuracy=num_solved / num_problems,
        accuracy_low=low,
        accuracy_high=high,
        num_correct=int(row.num_correct),
        mean_response_tokens=int(row.num_tokens) / num_answers,
    )
