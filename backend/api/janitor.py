"""The thread that watches the disk and carries retention out: slow work, beside the relay."""

import logging
import threading
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from backend.api.services import retention
from backend.api.services.run_states import record_event
from backend.api.services.run_views import lock_run
from backend.api.services.storage import Storage
from backend.contract.disk import DiskSpace, DiskState, read_space
from backend.contract.errors import NotFoundError
from backend.contract.runs import RunStatus
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Run, RunEvent

ACTOR = "disk"
MAX_TOLD = 100
"""So many queued runs are told that they wait for room on the disk."""

logger = logging.getLogger(__name__)


class Janitor:
    """Looks now and then; started and stopped with the application."""

    def __init__(self, database: Database, storage: Storage, settings: Settings) -> None:
        self._database = database
        self._storage = storage
        self._settings = settings
        self._stop = threading.Event()
        self._state = DiskState.OK
        self._thread = threading.Thread(target=self._loop, name="janitor", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after what is being removed."""
        self._stop.set()
        self._thread.join(timeout=10)

    def look(self) -> None:
        """One round: the disk, checkpoints, responses."""
        now = datetime.now(UTC)
        self._watch_disk(now)
        settings, home = self._settings, self._settings.paths
        if settings.checkpoint_quota_bytes or settings.keep_checkpoints_days:
            retention.remove_leftovers(home)
            used_bytes = self._storage.read(is_fresh=True)["checkpoints"]
            with self._database.read_scope() as session:
                outlook = retention.look_ahead(session, settings, used_bytes, now)
            for removal in outlook.due:
                retention.remove_checkpoint(self._database, home, removal, now=now)
            retention.warn_of(self._database, outlook.soon, now=now)
            if outlook.is_over_quota:
                logger.warning("%s", retention.OVER_QUOTA)
        retention.remove_samples(self._database, settings, now=now)

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except (SQLAlchemyError, OSError):
                logger.exception("retention could not do its work; it tries again")
            self._stop.wait(self._settings.retention_s)

    def _watch_disk(self, now: datetime) -> None:
        """Say when the disk gets full, and when it has room again."""
        space = read_space(self._settings.paths.root, self._settings.min_free_disk_bytes)
        if space.state is not self._state:
            level = logging.INFO if space.state is DiskState.OK else logging.WARNING
            logger.log(level, "%s", space.describe())
        self._state = space.state
        if space.state is DiskState.FULL:
            self._tell_queued(space, now)

    def _tell_queued(self, space: DiskSpace, now: datetime) -> None:
        """Put into the histories of queued runs, once each, why they do not start."""
        text = f"does not start: {space.describe()}. Make room, or lower MAYE_MIN_FREE_DISK_BYTES"
        with self._database.read_scope() as session:
            told = sa.exists().where(RunEvent.run_id == Run.id, RunEvent.actor == ACTOR)
            waiting = sa.select(Run.id).where(Run.status == RunStatus.QUEUED, ~told)
            run_ids = session.scalars(waiting.order_by(Run.number).limit(MAX_TOLD)).all()
        for run_id in run_ids:
            try:
                with self._database.session_scope() as session:
                    run = lock_run(session, run_id)
                    if run.status == RunStatus.QUEUED:
                        queued = RunStatus.QUEUED
                        record_event(session, run, queued, actor=ACTOR, now=now, reason=text)
            except NotFoundError:
                continue
