"""The steps of a run as they were logged, for export: every value of every step."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas_steps import LoggedStep, StepPage
from backend.api.services.run_views import load_run
from backend.contract.errors import InvalidInputError
from backend.contract.metrics import metric_of_key
from backend.database.columns import join_float
from backend.database.tables import MetricPoint, RLStep


def load_steps(
    session: Session, run_id: UUID, keys: Sequence[str] | None, *, after: int, limit: int
) -> StepPage:
    """A page of steps behind `after`.

    Args:
        session: Where to read.
        run_id: The run.
        keys: Metrics wanted; None for all.
        after: Last step of the page before; -1 for the first page.
        limit: Most steps of the page.

    Raises:
        NotFoundError: There is no such run.
        InvalidInputError: A key is not in the catalogue.
    """
    load_run(session, run_id)
    for key in keys or ():
        try:
            metric_of_key(key)
        except ValueError as e:
            raise InvalidInputError(ascii(str(e))[1:-1]) from e
    rows = session.scalars(
        sa.select(RLStep)
        .where(RLStep.run_id == run_id, RLStep.rl_step > after)
        .order_by(RLStep.rl_step)
        .limit(limit + 1)
    ).all()
    shown = rows[:limit]
    if not shown:
        return StepPage(steps=[], next_after=None)
    last = shown[-1].rl_step
    values = _load_values(session, run_id, keys, after, last)
    return StepPage(
        steps=[
            LoggedStep(
                rl_step=row.rl_step,
                epoch=row.epoch,
                samples=row.samples,
                tokens=row.tokens,
                seconds=row.seconds,
                logged_at=row.logged_at,
                values=values.get(row.rl_step, {}),
            )
            for row in shown
        ],
        next_after=last if len(rows) > limit else None,
    )


def _load_values(
    session: Session, run_id: UUID, keys: Sequence[str] | None, after: int, last: int
) -> dict[int, dict[str, float]]:
    """Step to its values by key, of the steps behind `after` up to `last`."""
    query = sa.select(
        MetricPoint.rl_step, MetricPoint.key, MetricPoint.value, MetricPoint.nonfinite
    ).where(MetricPoint.run_id == run_id, MetricPoint.rl_step > after, MetricPoint.rl_step <= last)
    if keys is not None:
        query = query.where(MetricPoint.key.in_(keys))
    values: dict[int, dict[str, float]] = {}
    for rl_step, key, value, nonfinite in session.execute(query.order_by(MetricPoint.key)):
        values.setdefault(rl_step, {})[key] = join_float(value, nonfinite)
    return values
