"""Evaluations as jobs of their own: the checkpoint that is meant, and the run that evaluates it."""

from datetime import datetime
from typing import NoReturn
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import RunCreate, RunDetail
from backend.api.schemas_evaluations import CheckpointWish, EvaluationCreate, EvaluationWish
from backend.api.services.field_errors import InvalidFieldError
from backend.api.services.run_views import show
from backend.api.services.runs import Once, find_repeated, queue_run
from backend.contract.artifacts import Home
from backend.contract.config import EvaluationRunConfig, parse_config
from backend.contract.metrics import metric_key
from backend.database.tables import Checkpoint, MetricPoint, Run

MAX_NAME_CHARS = 200


def create_evaluation(
    session: Session,
    request: EvaluationCreate,
    *,
    home: Home,
    idempotency_key: str | None,
    now: datetime,
) -> RunDetail:
    """Queue an evaluation; best and last are those of the moment.

    Raises:
        InvalidFieldError: there is no such checkpoint, or the run cannot work.
        ConflictError: the key was used for another request.
    """
    once = Once.of(idempotency_key, request)
    repeated = find_repeated(session, once)
    if repeated is not None:
        return show(session, repeated, now)
    wish = request.config
    rl_step = None if wish.checkpoint is None else find_step(session, wish.checkpoint)
    content = wish.model_dump(mode="json")
    if wish.checkpoint is not None:
        content["checkpoint"] = {"run": str(wish.checkpoint.run), "rl_step": rl_step}
    config = EvaluationRunConfig.model_validate(content)
    name = request.name or _name(session, wish, rl_step)
    created = RunCreate(name=name[:MAX_NAME_CHARS], config=config, priority=request.priority)
    return show(session, queue_run(session, created, once, home=home, now=now), now)


def find_step(session: Session, wish: CheckpointWish) -> int:
    """The step of the checkpoint that is meant; whether it can be used is checked with the run.

    Raises:
        InvalidFieldError: the run has no checkpoint, or no best one.
    """
    if isinstance(wish.rl_step, int):
        return wish.rl_step
    steps = session.scalars(sa.select(Checkpoint.rl_step).where(Checkpoint.run_id == wish.run))
    saved = set(steps)
    if not saved:
        _refuse(f"there is no run {wish.run} with a checkpoint", "run", str(wish.run))
    return max(saved) if wish.rl_step == "last" else _find_best(session, wish.run, saved)


def _find_best(session: Session, run_id: UUID, saved: set[int]) -> int:
    """The trainer's rule: validation accuracy at the last decoding setting, the first of equals."""
    config = parse_config(session.get_one(Run, run_id).config)
    setting = config.evaluation.decoding[-1]
    key = metric_key(
        "evaluation/accuracy",
        split="validation",
        pictures="own",
        k=setting.k,
        temperature=setting.temperature,
    )
    query = sa.select(MetricPoint.rl_step).where(
        MetricPoint.run_id == run_id,
        MetricPoint.key == key,
        MetricPoint.value.is_not(None),
        MetricPoint.rl_step.in_(saved),
    )
    best = session.scalar(query.order_by(MetricPoint.value.desc(), MetricPoint.rl_step).limit(1))
    if best is None:
        _refuse(
            f"run {run_id} has no best checkpoint: none of its steps {sorted(saved)} was evaluated "
            "on validation; name the step, or last",
            "rl_step",
            "best",
        )
    return best


def _name(session: Session, wish: EvaluationWish, rl_step: int | None) -> str:
    trained = None if wish.checkpoint is None else session.get(Run, wish.checkpoint.run)
    what = wish.model if trained is None else f"{trained.name}, step {rl_step},"
    return f"{what} on {wish.dataset}"


def _refuse(message: str, field: str, got: str) -> NoReturn:
    raise InvalidFieldError(message, ("config", "checkpoint", field), repr(got))
