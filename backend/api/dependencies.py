"""What routes receive: settings, database, the page asked for, and who may call them."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Path, Query, Request

from backend.api.changefeed import Changefeed
from backend.api.janitor import Janitor
from backend.api.meters import Meters
from backend.api.queue import Doorbell
from backend.api.relay import Relay
from backend.api.services.credentials import Tokens, is_signed_in
from backend.api.services.leases import LeaseRules
from backend.api.services.runs import PageRequest
from backend.api.services.storage import Storage
from backend.contract.errors import ForbiddenError, UnauthorizedError
from backend.contract.settings import Settings
from backend.database.session import Database

COOKIE = "maye_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Platform:
    """What one application instance is made of; opened at start, closed at the end."""

    settings: Settings
    database: Database
    tokens: Tokens
    doorbell: Doorbell
    relay: Relay
    changefeed: Changefeed
    meters: Meters
    storage: Storage
    janitor: Janitor

    @property
    def lease_rules(self) -> LeaseRules:
        """What decides over leases."""
        settings = self.settings
        return LeaseRules(settings.lease_s, settings.max_attempts_without_progress)


def get_platform(request: Request) -> Platform:
    """The running platform."""
    return request.app.state.platform


PlatformDep = Annotated[Platform, Depends(get_platform)]


def get_now() -> datetime:
    """The clock that leases and histories go by."""
    return datetime.now(UTC)


NowDep = Annotated[datetime, Depends(get_now)]


def get_page(
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    cursor: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
) -> PageRequest:
    """The page that is asked for."""
    return PageRequest(limit, cursor)


PageDep = Annotated[PageRequest, Depends(get_page)]
RunId = Annotated[UUID, Path(alias="run_id")]
SlugPath = Annotated[str, Path(alias="slug", max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


def check_origin(request: Request) -> None:
    """Refuse a write that another site's page has sent with the browser's cookie.

    Raises:
        ForbiddenError: Origin is absent or is not this host.
    """
    origin = request.headers.get("origin", "")
    if not origin or urlsplit(origin).netloc.lower() != request.headers["host"].lower():
        raise ForbiddenError("a write with a cookie needs this site's own Origin header")


def find_bearer(request: Request) -> str | None:
    """The token of the Authorization header."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def has_session(request: Request, platform: Platform, now: datetime) -> bool:
    """Whether the browser's cookie is one that was given out."""
    secret = request.cookies.get(COOKIE)
    if not secret:
        return False
    with platform.database.read_scope() as session:
        return is_signed_in(session, platform.tokens, secret, now=now)


def require_person(request: Request, platform: PlatformDep, now: NowDep) -> None:
    """Let people and scripts in: by token, or by cookie and, for writes, Origin.

    Raises:
        UnauthorizedError: neither is valid.
        ForbiddenError: a write with a cookie from another site.
    """
    token = find_bearer(request)
    if token is not None and platform.tokens.is_admin(token):
        return
    if token is not None or not has_session(request, platform, now):
        raise UnauthorizedError("sign in, or send Authorization: Bearer with the admin token")
    if request.method not in SAFE_METHODS:
        check_origin(request)


def require_reader_of_metrics(request: Request, platform: PlatformDep, now: NowDep) -> None:
    """Let Prometheus in by a token of its own, and whoever may see everything.

    Raises:
        UnauthorizedError: neither is valid.
    """
    token = find_bearer(request)
    wanted = platform.settings.metrics_token.get_secret_value()
    if token and wanted and secrets.compare_digest(token.encode(), wanted.encode()):
        return
    require_person(request, platform, now)


def require_worker(request: Request, platform: PlatformDep) -> None:
    """Let workers in, and nobody else.

    Raises:
        UnauthorizedError: it is not the worker token.
    """
    token = find_bearer(request)
    if token is None or not platform.tokens.is_worker(token):
        raise UnauthorizedError("send Authorization: Bearer with $MAYE_HOME/worker-token")
