"""Checkpoints of a run: which were announced, which are still there, and which is the best."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import CheckpointInfo
from backend.api.services.run_views import load_run
from backend.contract.artifacts import Home
from backend.contract.config import EvaluationRunConfig, parse_config
from backend.contract.metrics import metric_key
from backend.database.tables import Checkpoint, MetricPoint, Run


def list_checkpoints(session: Session, home: Home, run_id: UUID) -> list[CheckpointInfo]:
    """Announced checkpoints, newest first: by attempt, then step, as a resumed run sees them.

    The trainer deletes older ones; whether one is kept is what the run's folder says now.

    Raises:
        NotFoundError: there is no such run.
    """
    run = load_run(session, run_id)
    query = (
        sa.select(Checkpoint)
        .where(Checkpoint.run_id == run_id)
        .order_by(Checkpoint.fence.desc(), Checkpoint.rl_step.desc())
    )
    found = list(session.scalars(query))
    folder = home.run(run_id).checkpoints
    kept = [c for c in found if (folder / c.name / "manifest.json").is_file()]
    best_step = _find_best_step(session, run)
    last = kept[0].name if kept else None
    best = next((c.name for c in kept if c.rl_step == best_step), None)
    names = {checkpoint.name for checkpoint in kept}
    return [
        CheckpointInfo(
            name=checkpoint.name,
            rl_step=checkpoint.rl_step,
            size_bytes=checkpoint.size_bytes,
            created_at=checkpoint.created_at,
            is_kept=checkpoint.name in names,
            is_last=checkpoint.name == last,
            is_best=checkpoint.name == best,
        )
        for checkpoint in found
    ]


def _find_best_step(session: Session, run: Run) -> int | None:
    """The first step of the highest validation accuracy by the last decoding setting."""
    config = parse_config(run.config)
    if isinstance(config, EvaluationRunConfig):
        return None
    setting = config.evaluation.decoding[-1]
    key = metric_key(
        "evaluation/accuracy",
        split="validation",
        pictures="own",
        k=setting.k,
        temperature=setting.temperature,
    )
    query = (
        sa.select(MetricPoint.rl_step)
        .where(MetricPoint.run_id == run.id, MetricPoint.key == key, MetricPoint.value.is_not(None))
        .order_by(MetricPoint.value.desc(), MetricPoint.rl_step)
        .limit(1)
    )
    return session.scalar(query)
