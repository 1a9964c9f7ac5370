"""What a run has measured: its keys and its series."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import MetricKey, Series, SeriesPoint
from backend.api.services.downsampling import downsample
from backend.api.services.run_views import load_run
from backend.contract.errors import InvalidInputError
from backend.contract.metrics import metric_of_key
from backend.database.columns import join_float
from backend.database.tables import MetricPoint, RLStep


class _Point(NamedTuple):
    """A point before it is chosen; far cheaper than a body, for there are many."""

    rl_step: int
    epoch: float
    seconds: float
    value: float


def list_keys(session: Session, run_id: UUID) -> list[MetricKey]:
    """The metrics that a run has logged, by key.

    Raises:
        NotFoundError: there is no such run.
    """
    load_run(session, run_id)
    counts = (
        sa.select(
            MetricPoint.key,
            sa.func.count().label("num_points"),
            sa.func.max(MetricPoint.rl_step).label("last_rl_step"),
        )
        .where(MetricPoint.run_id == run_id)
        .group_by(MetricPoint.key)
        .subquery()
    )
    newest = sa.select(counts, MetricPoint.value).join(
        MetricPoint,
        (MetricPoint.run_id == run_id)
        & (MetricPoint.key == counts.c.key)
        & (MetricPoint.rl_step == counts.c.last_rl_step),
    )
    return [
        MetricKey(
            key=row.key,
            name=metric_of_key(row.key).name,
            num_points=row.num_points,
            last_rl_step=row.last_rl_step,
            last_value=row.value,
        )
        for row in session.execute(newest.order_by(counts.c.key))
    ]


def load_series(
    session: Session, run_id: UUID, keys: Sequence[str], max_points: int
) -> list[Series]:
    """The points of metrics with every x-axis; a key without points gives an empty series.

    Raises:
        NotFoundError: there is no such run.
        InvalidInputError: a key is not in the catalogue.
    """
    load_run(session, run_id)
    return [_load_one(session, run_id, key, max_points) for key in dict.fromkeys(keys)]


def _load_one(session: Session, run_id: UUID, key: str, max_points: int) -> Series:
    try:
        metric_of_key(key)
    except ValueError as e:
        raise InvalidInputError(ascii(str(e))[1:-1]) from e
    query = (
        sa.select(
            MetricPoint.rl_step,
            RLStep.epoch,
            RLStep.seconds,
            MetricPoint.value,
            MetricPoint.nonfinite,
        )
        .join(
            RLStep,
            (RLStep.run_id == MetricPoint.run_id) & (RLStep.rl_step == MetricPoint.rl_step),
        )
        .where(MetricPoint.run_id == run_id, MetricPoint.key == key)
        .order_by(MetricPoint.rl_step)
    )
    points = [
        _Point(rl_step, epoch, seconds, join_float(value, nonfinite))
        for rl_step, epoch, seconds, value, nonfinite in session.execute(query)
    ]
    kept = downsample(points, max_points)
    return Series(
        key=key,
        num_points=len(points),
        is_downsampled=len(kept) < len(points),
        points=[SeriesPoint(**point._asdict()) for point in kept],
    )
