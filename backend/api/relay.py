"""The thread that rings for work and tidies up: outbox, expired leases, deleted runs."""

import logging
import threading
import time
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from backend.api.queue import Doorbell
from backend.api.services import deletion
from backend.api.services.capacity import load_offers, load_queue
from backend.api.services.leases import LeaseRules, expire_leases
from backend.api.services.workers import tell_absent
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Outbox

MAX_RINGS_PER_SWEEP = 32
SWEEPS_BETWEEN_REMINDERS = 3
"""A queued run is rung for again after so many sweeps, should the broker have lost everything."""
PAUSE_S = 0.02
"""Between two pieces of what deleted runs have left."""

logger = logging.getLogger(__name__)


class Relay:
    """Publishes what transactions have promised; started and stopped with the application."""

    def __init__(self, database: Database, doorbell: Doorbell, settings: Settings) -> None:
        self._database = database
        self._doorbell = doorbell
        self._settings = settings
        self._rules = LeaseRules(settings.lease_s, settings.max_attempts_without_progress)
        self._wake = threading.Event()
        self._should_stop = False
        self.num_leases_lost = 0
        """Attempts that this process took from silent runners."""
        self._thread = threading.Thread(target=self._loop, name="relay", daemon=True)
        self._reminded_at = time.monotonic()
        # After a start, silent runners get the time to be heard before their runs are taken.
        self._expire_from = time.monotonic() + min(settings.lease_s, 3 * settings.heartbeat_s)

    def start(self) -> None:
        """Start sweeping."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the present sweep."""
        self._should_stop = True
        self._wake.set()
        self._thread.join(timeout=10)

    def wake(self) -> None:
        """Sweep now: a transaction has just promised a ring."""
        self._wake.set()

    def sweep(self) -> bool:
        """One round: leases, outbox, reminders, and a piece of what deleted runs have left.

        Returns:
            Whether more of that may be left.
        """
        if time.monotonic() >= self._expire_from:
            now = datetime.now(UTC)
            with self._database.session_scope() as session:
                num_lost = expire_leases(session, self._rules, now=now)
                tell_absent(session, now=now)
            self.num_leases_lost += num_lost
        if not self._publish_outbox():
            self._remind()
        return self._remove_deleted()

    def _loop(self) -> None:
        while not self._should_stop:
            is_tidying = False
            try:
                is_tidying = self.sweep()
            except SQLAlchemyError:
                logger.exception("the relay could not use the database; it tries again")
            # Between two pieces others write, and leases and rings are looked at.
            self._wake.wait(PAUSE_S if is_tidying else self._settings.relay_s)
            self._wake.clear()

    def _publish_outbox(self) -> bool:
        """Ring for promises not yet kept; returns whether there were any."""
        with self._database.read_scope() as session:
            open_rows = sa.select(Outbox.id).where(Outbox.published_at.is_(None))
            ids = session.scalars(open_rows.order_by(Outbox.id).limit(1000)).all()
        if not ids:
            return False
        if self._ring(len(ids)):
            with self._database.session_scope() as session:
                kept = sa.update(Outbox).where(Outbox.id.in_(ids))
                session.execute(kept.values(published_at=datetime.now(UTC)))
        return True

    def _remove_deleted(self) -> bool:
        """Take away a piece of what deleted runs have left; returns whether there may be more."""
        with self._database.read_scope() as session:
            unfinished = deletion.list_unfinished(session)
        for run_id in unfinished:
            with self._database.session_scope() as session:
                if deletion.remove_rows(session, run_id):
                    return True
            home = self._settings.paths
            try:
                deletion.remove_files(self._database, home, run_id, now=datetime.now(UTC))
            except OSError as e:
                logger.warning("the folder of deleted run %s cannot be removed yet: %s", run_id, e)
        return False

    def _remind(self) -> None:
        interval_s = SWEEPS_BETWEEN_REMINDERS * self._settings.relay_s
        if time.monotonic() - self._reminded_at < interval_s:
            return
        self._reminded_at = time.monotonic()
        self._ring(1)

    def _ring(self, num_promises: int) -> bool:
        """Ring at the queues of queued runs; False when the broker did not take every ring.

        A ring is one question for work by whichever worker takes it: so there are as many as
        promises, and as many as workers, should a full one take the first. Where no worker is,
        none is left behind: a worker that comes asks by itself.
        """
        with self._database.read_scope() as session:
            kinds = {kind for run in load_queue(session) for kind in run.need.kinds}
            offers = load_offers(session, datetime.now(UTC)).values()
        for kind in sorted(kinds):
            num_workers = sum(kind in offer.kinds for offer in offers)
            num_rings = min(max(num_promises, num_workers), MAX_RINGS_PER_SWEEP)
            if num_workers and not all(self._doorbell.ring(kind) for _ in range(num_rings)):
                return False
        return True
