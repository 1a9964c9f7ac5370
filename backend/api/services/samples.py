"""Responses of a run with their problems."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import Sample, SamplePage
from backend.api.services.run_views import load_run
from backend.database import tables
from backend.database.columns import join_float
from backend.database.tables import Dataset, DatasetItem, Run


def load_samples(
    session: Session, run_id: UUID, rl_step: int | None, *, limit: int, offset: int
) -> SamplePage:
    """Responses of a step, of the newest one where none is given.

    Raises:
        NotFoundError: there is no such run.
    """
    run = load_run(session, run_id)
    rl_steps = _list_steps(session, run_id)
    if rl_step is None:
        rl_step = rl_steps[-1] if rl_steps else None
    samples = [] if rl_step is None else _load_step(session, run, rl_step, limit, offset)
    return SamplePage(rl_step=rl_step, rl_steps=rl_steps, samples=samples)


def _list_steps(session: Session, run_id: UUID) -> list[int]:
    """Distinct steps by jumps through the primary key, not by reading every response."""
    table = tables.Sample
    first = sa.select(sa.func.min(table.rl_step).label("rl_step")).where(table.run_id == run_id)
    steps = first.cte("steps", recursive=True)
    after = (
        sa.select(sa.func.min(table.rl_step))
        .where(table.run_id == run_id, table.rl_step > steps.c.rl_step)
        .scalar_subquery()
    )
    steps = steps.union_all(sa.select(after).where(steps.c.rl_step.is_not(None)))
    query = sa.select(steps.c.rl_step).where(steps.c.rl_step.is_not(None))
    return sorted(session.scalars(query))


def _load_step(session: Session, run: Run, rl_step: int, limit: int, offset: int) -> list[Sample]:
    table = tables.Sample
    dataset_id = sa.select(Dataset.id).where(Dataset.slug == run.dataset).scalar_subquery()
    query = (
        sa.select(table, DatasetItem)
        .outerjoin(
            DatasetItem,
            (DatasetItem.dataset_id == dataset_id)
            & (DatasetItem.split == table.split)
            & (DatasetItem.item_id == table.item_id),
        )
        .where(table.run_id == run.id, table.rl_step == rl_step)
        .order_by(table.position)
        .limit(limit)
        .offset(offset)
    )
    return [_show(row[0], row[1]) for row in session.execute(query)]


def _show(sample: tables.Sample, item: DatasetItem | None) -> Sample:
    return Sample(
        rl_step=sample.rl_step,
        index=sample.position,
        item_id=sample.item_id,
        split=sample.split,
        question=item.question if item else "",
        gold_answer=item.answer if item else "",
        category=item.category if item else None,
        image_sha256=item.image_sha256 if item else None,
        response=sample.response,
        num_response_tokens=sample.num_response_tokens,
        is_truncated=sample.is_truncated,
        extracted_answer=sample.extracted_answer,
        is_correct=sample.is_correct,
        outcome_reward=join_float(sample.outcome_reward, sample.outcome_reward_nonfinite),
        reward_parts={name: float(value) for name, value in sample.reward_parts.items()},
    )
