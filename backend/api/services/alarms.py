"""Alarms of a run: looked for where new steps arrive, kept on its row."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.analysis import alarms
from backend.database.columns import join_float
from backend.database.tables import MetricPoint, Run

LONG, SHORT = 1000, 4 * alarms.NUM_RECENT
"""Steps back that are read, of what is compared with its past and of what only counts now."""
COMPARED = (alarms.ACCURACY, alarms.ENTROPY)
COUNTED = (*alarms.FRACTIONS, *alarms.MUST_BE_FINITE)


def update_alarms(session: Session, run: Run) -> None:
    """Raise what holds now and clear what no longer does; `run.rl_step` is up to date."""
    series: dict[str, list[tuple[int, float]]] = defaultdict(list)
    _read(session, run, COMPARED, LONG, series)
    _read(session, run, COUNTED, SHORT, series)
    since = {alarm["code"]: alarm["since_rl_step"] for alarm in run.alarms or ()}
    found = [asdict(alarm) for alarm in alarms.find_alarms(series, held=since)]
    for alarm in found:
        alarm["since_rl_step"] = since.get(alarm["code"], alarm["since_rl_step"])
    run.alarms = found or None


def _read(
    session: Session,
    run: Run,
    keys: Sequence[str],
    num_steps: int,
    series: dict[str, list[tuple[int, float]]],
) -> None:
    query = sa.select(
        MetricPoint.key, MetricPoint.rl_step, MetricPoint.value, MetricPoint.nonfinite
    ).where(
        MetricPoint.run_id == run.id,
        MetricPoint.key.in_(keys),
        MetricPoint.rl_step > run.rl_step - num_steps,
    )
    for key, rl_step, value, nonfinite in session.execute(query.order_by(MetricPoint.rl_step)):
        series[key].append((rl_step, join_float(value, nonfinite)))
