"""A worker says every few seconds that it is there; the answer may call it to work."""

import logging
import os
import signal
import threading
from dataclasses import dataclass, field

from backend.contract.errors import PlatformError
from backend.contract.messages import Announcement, AnnouncementReply
from backend.contract.settings import Settings
from worker.api_client import ApiClient, UnreachableError, WrongTokenError
from worker.is_healthy import note_announced
from worker.tasks import Doorbell

LOG = logging.getLogger("maye.worker")
API_TIMEOUT_S = 10.0
RETRY_S = 1.0
"""Pause between two tries to reach the API at the start."""


@dataclass(slots=True)
class Announcer:
    """Announces one worker; `keep_on` belongs to a thread of its own."""

    settings: Settings
    announcement: Announcement
    doorbell: Doorbell
    should_stop: threading.Event = field(default_factory=threading.Event)
    _is_away: bool = False
    _is_draining: bool = False

    def announce_first(self) -> AnnouncementReply | None:
        """Announce until the API answers; None when the worker was told to stop meanwhile.

        Raises:
            WrongTokenError: the API does not know the worker token.
            PlatformError: the API refuses this worker.
        """
        api = ApiClient(self.settings, timeout_s=API_TIMEOUT_S)
        try:
            while not self.should_stop.is_set():
                try:
                    reply = api.announce(self.announcement)
                except WrongTokenError:
                    raise
                except UnreachableError as error:
                    self._say_away(error)
                    self.should_stop.wait(RETRY_S)
                else:
                    self._heed(reply)
                    return reply
        finally:
            api.close()
        return None

    def keep_on(self) -> None:
        """Announce and work until told to stop; whatever else ends this ends the worker."""
        api = ApiClient(self.settings, timeout_s=API_TIMEOUT_S)
        try:
            while not self.should_stop.is_set():
                self._announce_once(api)
                self.should_stop.wait(self.settings.announce_s)
        finally:
            api.close()
            if not self.should_stop.is_set():
                os.kill(os.getpid(), signal.SIGTERM)

    def _announce_once(self, api: ApiClient) -> None:
        try:
            reply = api.announce(self.announcement)
        except UnreachableError as error:
            self._say_away(error)
            return
        except PlatformError as error:
            LOG.error("this worker is no longer wanted: %s", error.message)
            raise
        self._heed(reply)
        if reply.has_work:
            self.doorbell.answer()

    def _heed(self, reply: AnnouncementReply) -> None:
        note_announced(self.settings.paths.root / "workers", self.announcement.worker)
        if self._is_away:
            self._is_away = False
            LOG.info("the API answers again")
        if reply.is_draining != self._is_draining:
            self._is_draining = reply.is_draining
            LOG.info(
                "draining: runs that were started go on, nothing new is taken"
                if reply.is_draining
                else "no longer draining: runs are taken again"
            )

    def _say_away(self, error: UnreachableError) -> None:
        """Say it once, not at every try."""
        if not self._is_away:
            self._is_away = True
            LOG.warning(
                "the API at %s does not answer (%s); trying on", self.settings.api_url, error
            )
