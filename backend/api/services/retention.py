"""Carrying out what retention has planned, each removal an entry of its run's history."""

import logging
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.checkpoints import list_checkpoints
from backend.api.services.retention_plan import WARN_AT, Candidate, Removal, Rules, is_over, plan
from backend.api.services.run_states import record_event
from backend.api.services.run_views import lock_run
from backend.contract.artifacts import Home
from backend.contract.config import EvaluationRunConfig, parse_config
from backend.contract.errors import NotFoundError
from backend.contract.runs import RunStatus
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Run, RunEvent, Sample

ACTOR = "retention"
ENDED = tuple(status.value for status in RunStatus if status.is_terminal)
SAMPLES_AT_ONCE = 5000
ASIDE = ".removed-"
"""Beginning of the name of a checkpoint on its way out; no reader of checkpoints looks at it."""
OVER_QUOTA = (
    "checkpoints take more than MAYE_CHECKPOINT_QUOTA_BYTES, and none of those left may go: they "
    "are of runs that go on, or the last and best of runs that ended lately (MAYE_KEEP_BEST_DAYS)"
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What goes now, and what goes soon."""

    due: list[Removal]
    soon: list[Removal]
    """What would go at nine tenths of what is allowed, beyond what is due."""
    is_over_quota: bool
    """Checkpoints take more than they may, and nothing more may go."""


def look_ahead(session: Session, settings: Settings, used_bytes: int, now: datetime) -> Outlook:
    """What retention would do at a moment at which checkpoints take so much."""
    rules = Rules.of(settings)
    if not (settings.checkpoint_quota_bytes or settings.keep_checkpoints_days):
        return Outlook([], [], is_over_quota=False)
    candidates = _find_candidates(session, settings.paths)
    due = plan(candidates, used_bytes, rules, now)
    early = plan(candidates, used_bytes, Rules.of(settings, WARN_AT), now)
    gone = {one.checkpoint for one in due}
    soon = [one for one in early if one.checkpoint not in gone]
    return Outlook(due, soon, is_over_quota=is_over(used_bytes, due, rules))


def remove_checkpoint(database: Database, home: Home, removal: Removal, *, now: datetime) -> bool:
    """Take a checkpoint away, unless its run goes on or an evaluation wants it; whether it went.

    The folder leaves its name in the transaction that tells of it, its bytes go afterwards.
    """
    one = removal.checkpoint
    folder = home.run(one.run_id).checkpoints / one.name
    aside = folder.with_name(ASIDE + one.name)
    try:
        with database.session_scope() as session:
            run = lock_run(session, one.run_id)
            is_wanted = (one.run_id, one.rl_step) in _find_wanted(session)
            if run.status not in ENDED or is_wanted or not folder.is_dir():
                return False
            text = f"checkpoint of step {one.rl_step} removed by retention: {removal.reason}"
            record_event(session, run, RunStatus(run.status), actor=ACTOR, now=now, reason=text)
            folder.rename(aside)
    except NotFoundError:
        # Its run was deleted meanwhile.
        return False
    except BaseException:
        if aside.is_dir():
            aside.rename(folder)
        raise
    shutil.rmtree(aside)
    logger.info("run %s: %s", one.run_id, text, extra={"run_id": str(one.run_id)})
    return True


def remove_leftovers(home: Home) -> None:
    """Finish what an interrupted removal has left."""
    for path in home.root.glob(f"runs/*/checkpoints/{ASIDE}*"):
        shutil.rmtree(path, ignore_errors=True)


def warn_of(database: Database, soon: list[Removal], *, now: datetime) -> None:
    """Say in the histories of runs what will go, each once."""
    for removal in soon:
        one = removal.checkpoint
        text = (
            f"checkpoint of step {one.rl_step} will be removed by retention soon: nine tenths of "
            "what the operator allows are reached. Export it to keep it (maye model export)"
        )
        _tell_once(database, one.run_id, text, now)


def remove_samples(database: Database, settings: Settings, *, now: datetime) -> int:
    """Take responses and traces of runs that ended long ago; answers stay. How many runs had any.

    A run is warned when nine tenths of the time are over.
    """
    days = settings.keep_samples_days
    if not days:
        return 0
    for run_id in _find_runs_with_samples(database, settings.paths, now, WARN_AT * days):
        text = (
            f"training responses and traced steps will be removed by retention {days:g} days "
            "after the run's end. Export the run to keep them (maye export)"
        )
        _tell_once(database, run_id, text, now)
    old = _find_runs_with_samples(database, settings.paths, now, days)
    for run_id in old:
        while _remove_some_samples(database, run_id):
            pass
        shutil.rmtree(settings.paths.run(run_id).traces, ignore_errors=True)
        text = (
            "training responses and traced steps removed by retention: the run ended more than "
            f"{days:g} days ago"
        )
        _tell_once(database, run_id, text, now)
    return len(old)


def _find_candidates(session: Session, home: Home) -> list[Candidate]:
    folders = {path.parent.name for path in home.root.glob("runs/*/checkpoints")}
    ended = sa.select(Run).where(Run.status.in_(ENDED), Run.is_imported.is_(False))
    wanted = _find_wanted(session)
    found: list[Candidate] = []
    for run in session.scalars(ended):
        if str(run.id) not in folders:
            continue
        found += [
            Candidate(
                run_id=run.id,
                run_name=run.name,
                name=info.name,
                rl_step=info.rl_step,
                size_bytes=_measure(home.run(run.id).checkpoints / info.name),
                ended_at=run.finished_at or run.created_at,
                is_precious=info.is_last or info.is_best,
            )
            for info in list_checkpoints(session, home, run.id)
            if info.is_kept and (run.id, info.rl_step) not in wanted
        ]
    return found


def _measure(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _find_wanted(session: Session) -> set[tuple[UUID, int]]:
    """Run and step of every checkpoint that an evaluation which has not ended reads."""
    going = sa.select(Run.config).where(Run.kind == "evaluation", Run.status.not_in(ENDED))
    wanted: set[tuple[UUID, int]] = set()
    for content in session.scalars(going):
        config = parse_config(content)
        if isinstance(config, EvaluationRunConfig) and config.checkpoint is not None:
            wanted.add((config.checkpoint.run, config.checkpoint.rl_step))
    return wanted


def _find_runs_with_samples(
    database: Database, home: Home, now: datetime, days: float
) -> list[UUID]:
    has_samples = sa.exists().where(Sample.run_id == Run.id)
    query = sa.select(Run.id, has_samples).where(
        Run.status.in_(ENDED),
        Run.is_imported.is_(False),
        Run.finished_at < now - timedelta(days=days),
    )
    with database.read_scope() as session:
        rows = session.execute(query.order_by(Run.number)).all()
    return [run_id for run_id, has_any in rows if has_any or home.run(run_id).traces.is_dir()]


def _remove_some_samples(database: Database, run_id: UUID) -> bool:
    """Delete whole steps from the first on; whether there were any."""
    of_run = sa.select(Sample.rl_step).where(Sample.run_id == run_id).order_by(Sample.rl_step)
    with database.session_scope() as session:
        steps = session.scalars(of_run.limit(SAMPLES_AT_ONCE)).all()
        if not steps:
            return False
        session.execute(
            sa.delete(Sample).where(Sample.run_id == run_id, Sample.rl_step <= steps[-1])
        )
    return True


def _tell_once(database: Database, run_id: UUID, text: str, now: datetime) -> None:
    told = sa.select(RunEvent.sequence).where(
        RunEvent.run_id == run_id, RunEvent.actor == ACTOR, RunEvent.reason == text
    )
    with database.read_scope() as session:
        if session.scalar(told.limit(1)) is not None:
            return
    try:
        with database.session_scope() as session:
            run = lock_run(session, run_id)
            record_event(session, run, RunStatus(run.status), actor=ACTOR, now=now, reason=text)
    except NotFoundError:
        return
    logger.warning("run %s: %s", run_id, text, extra={"run_id": str(run_id)})
