"""What is known of a request when it has been answered: route, status, duration."""

import logging
import time
from typing import cast

from starlette.types import Message, Scope, Send

NO_ROUTE = "other"
"""Route of files of the front end, and of what does not exist: a client cannot invent names."""
DIED = 500
"""Status of a request that ended in an error before it had one."""

logger = logging.getLogger("maye.access")


class Access:
    """One request on its way; wraps `send` to see the answer's beginning."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._started_at = time.monotonic()
        self.status = DIED
        """Status of the answer."""

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    @property
    def method(self) -> str:
        """As the client named it."""
        return cast(str, self._scope["method"])

    @property
    def route(self) -> str:
        """The route's template, such as /api/v1/runs/{run_id}; never what a client wrote."""
        route = self._scope.get("route")
        return cast(str, getattr(route, "path", None) or NO_ROUTE)

    @property
    def duration_s(self) -> float:
        """Since the request came."""
        return time.monotonic() - self._started_at

    def log(self) -> None:
        """Write the line of this request: neither its query nor its headers."""
        method, duration_ms = self.method, round(1000 * self.duration_s, 1)
        logger.info(
            "%s %s %d in %s ms",
            method,
            self.route,
            self.status,
            duration_ms,
            extra={
                "method": method,
                "route": self.route,
                "status": self.status,
                "duration_ms": duration_ms,
            },
        )
