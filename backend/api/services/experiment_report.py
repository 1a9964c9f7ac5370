"""The report of an experiment: its runs' curves and answers, gathered from the database.

What is made of them is in `backend/analysis/`. Nothing is kept: a report of 12 runs takes a
fraction of a second, and it must show what has just been logged.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.analysis.build import build_report
from backend.analysis.curves import Decoded, RunCurves
from backend.analysis.keys import EPOCH_ACCURACY, RESPONSE_LENGTH
from backend.analysis.report import Report, Spread
from backend.api.schemas_experiments import ExperimentCell
from backend.api.services.experiments import load_experiment, setting_configs, show_cells
from backend.contract.experiments import ExperimentSpec
from backend.database.tables import Answer, Evaluation, MetricPoint, RLStep

ACCURACY = "evaluation/accuracy"
OWN = "own"
REFLECTION = "reflection/"
CURVES = (EPOCH_ACCURACY, RESPONSE_LENGTH)
"""Metrics that figures and findings are drawn from, besides the group of reflection."""

Points = Sequence[tuple[int, float]]
Solved = Mapping[Decoded, Mapping[str, bool]]


def make_report(session: Session, experiment_id: UUID, spread: Spread, now: datetime) -> Report:
    """All that an experiment says at this moment.

    Raises:
        NotFoundError: there is no such experiment.
    """
    experiment = load_experiment(session, experiment_id)
    return build_report(
        experiment_id,
        experiment.name,
        gather_curves(session, show_cells(session, experiment_id, now)),
        setting_configs(ExperimentSpec.model_validate(experiment.spec)),
        experiment.warnings,
        spread,
        now,
    )


def gather_curves(session: Session, cells: Sequence[ExperimentCell]) -> list[RunCurves]:
    """What each run of an experiment has logged, in the order of the cells."""
    solved = _read_solved(session, [cell.run.id for cell in cells])
    return [_gather(session, cell, solved[cell.run.id]) for cell in cells]


def _gather(session: Session, cell: ExperimentCell, solved: Solved) -> RunCurves:
    points = _read_points(session, cell.run.id)
    epochs = _read_epochs(session, cell.run.id)
    return RunCurves(
        run_id=cell.run.id,
        model=cell.model,
        dataset=cell.dataset,
        setting=cell.setting,
        kind=cell.kind,
        seed=cell.seed,
        status=cell.run.status,
        accuracy=_by_decoding(points, epochs),
        series={key: found for key, found in points.items() if not key.startswith(ACCURACY)},
        epochs=epochs,
        solved=solved,
    )


def _read_points(session: Session, run_id: UUID) -> Mapping[str, Points]:
    """Finite values by key, in order of rl_step."""
    groups = [MetricPoint.key.startswith(start) for start in (REFLECTION, f"{ACCURACY}{{")]
    query = (
        sa.select(MetricPoint.key, MetricPoint.rl_step, MetricPoint.value)
        .where(MetricPoint.run_id == run_id, MetricPoint.value.is_not(None))
        .where(sa.or_(MetricPoint.key.in_(CURVES), *groups))
        .order_by(MetricPoint.key, MetricPoint.rl_step)
    )
    points: dict[str, list[tuple[int, float]]] = {}
    for key, rl_step, value in session.execute(query):
        assert value is not None
        points.setdefault(key, []).append((rl_step, value))
    return points


def _read_epochs(session: Session, run_id: UUID) -> Mapping[int, float]:
    query = sa.select(RLStep.rl_step, RLStep.epoch).where(RLStep.run_id == run_id)
    return {row.rl_step: row.epoch for row in session.execute(query)}


def _by_decoding(
    points: Mapping[str, Points], epochs: Mapping[int, float]
) -> Mapping[Decoded, Sequence[tuple[float, float]]]:
    """(epoch, accuracy) of each split and decoding setting, with the problems' own pictures."""
    found: dict[Decoded, list[tuple[float, float]]] = {}
    for key, series in points.items():
        name, _, text = key.removesuffix("}").partition("{")
        labels = dict(pair.split("=", 1) for pair in text.split(",") if pair)
        if name == ACCURACY and labels["pictures"] == OWN:
            decoded = Decoded(labels["split"], int(labels["k"]), float(labels["temperature"]))
            found[decoded] = [(epochs[rl_step], value) for rl_step, value in series]
    return found


def _read_solved(session: Session, run_ids: Sequence[UUID]) -> Mapping[UUID, Solved]:
    """By run, which problems any of the k responses of its last evaluation solved."""
    query = sa.select(Evaluation).where(Evaluation.run_id.in_(run_ids), Evaluation.pictures == OWN)
    last: dict[tuple[UUID, Decoded], int] = {}
    for row in session.scalars(query.order_by(Evaluation.rl_step)):
        last[row.run_id, Decoded(row.split, row.k, row.temperature)] = row.id
    place = {evaluation_id: subject for subject, evaluation_id in last.items()}
    solved: dict[UUID, dict[Decoded, dict[str, bool]]] = {id: defaultdict(dict) for id in run_ids}
    answers = (
        sa.select(
            Answer.evaluation_id,
            Answer.item_id,
            sa.func.max(sa.case((Answer.is_correct, 1), else_=0)),
        )
        .where(Answer.evaluation_id.in_(place))
        .group_by(Answer.evaluation_id, Answer.item_id)
    )
    for evaluation_id, item_id, is_solved in session.execute(answers):
        run_id, decoded = place[evaluation_id]
        solved[run_id][decoded][item_id] = bool(is_solved)
    return solved
