"""One look at the counter for all open streams, so that a thousand of them cost one query."""

import asyncio

import anyio.to_thread
from sqlalchemy.exc import SQLAlchemyError

from backend.api.services.changes import read_position
from backend.database.session import Database

POLL_S = 0.2


class Changefeed:
    """Tells streams when the counter has moved, and when to end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position = 0
        self._num_waiting = 0
        self._moved = asyncio.Condition()
        self._is_closing = False
        self.num_clients = 0
        """Open event streams."""

    @property
    def is_closing(self) -> bool:
        """True once the server stops: streams end, browsers come back by themselves."""
        return self._is_closing

    def close(self) -> None:
        """Let all streams end; may be called from a signal handler."""
        self._is_closing = True

    def read(self) -> int:
        """The counter now; blocks for a query."""
        with self._database.read_scope() as session:
            return read_position(session)

    async def wait_beyond(self, position: int, timeout_s: float) -> bool:
        """Wait until the counter is above position; False when nothing came in time."""
        self._num_waiting += 1
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self._position > position or self._is_closing)
        except TimeoutError:
            return False
        finally:
            self._num_waiting -= 1
        return not self._is_closing

    async def poll(self) -> None:
        """Look at the counter while somebody waits; runs until it is cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            if self._num_waiting == 0:
                continue
            try:
                position = await anyio.to_thread.run_sync(self.read)
            except SQLAlchemyError:
                # The next look tries again; a stream that waits sends keep-alives meanwhile.
                continue
            if position != self._position or self._is_closing:
                self._position = position
                async with self._moved:
                    self._moved.notify_all()
