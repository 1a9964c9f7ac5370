"""Tokens of people and workers, and the sessions that browsers hold instead of a token."""

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.contract.artifacts import Home
from backend.contract.errors import UnauthorizedError
from backend.database.tables import SignedIn

SESSION_DAYS = 30
MIN_TOKEN_LENGTH = 16


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """The installation's tokens; never shown, not even in a debugger's repr."""

    admin: str
    """Of people and scripts."""
    worker: str
    """Of workers and runners."""

    def is_admin(self, token: str) -> bool:
        """Whether it is the admin token, in constant time."""
        return secrets.compare_digest(_hash(token), _hash(self.admin))

    def is_worker(self, token: str) -> bool:
        """Whether it is the worker token, in constant time."""
        return secrets.compare_digest(_hash(token), _hash(self.worker))


def load_tokens(home: Home) -> Tokens:
    """Read the token files; each is made at first start, readable by its owner only.

    Raises:
        ValueError: a token file is too short to be safe.
    """
    return Tokens(admin=_load_token(home.admin_token), worker=_load_token(home.worker_token))


def sign_in(session: Session, tokens: Tokens, token: str, *, now: datetime) -> str:
    """Exchange the admin token for a random session value, of which only the hash is stored.

    Raises:
        UnauthorizedError: it is not the admin token.
    """
    if not tokens.is_admin(token):
        raise UnauthorizedError("this is not the token in $MAYE_HOME/admin-token")
    session.execute(sa.delete(SignedIn).where(SignedIn.expires_at < now))
    secret = secrets.token_urlsafe(32)
    session.add(
        SignedIn(
            secret_sha256=_hash(secret),
            token_sha256=_hash(tokens.admin),
            expires_at=now + timedelta(days=SESSION_DAYS),
        )
    )
    return secret


def is_signed_in(session: Session, tokens: Tokens, secret: str, *, now: datetime) -> bool:
    """Whether the session exists, is young enough, and was made from the present token."""
    found = session.get(SignedIn, _hash(secret))
    return (
        found is not None
        and found.expires_at > now
        and secrets.compare_digest(found.token_sha256, _hash(tokens.admin))
    )


def sign_out(session: Session, secret: str) -> None:
    """End a session."""
    session.execute(sa.delete(SignedIn).where(SignedIn.secret_sha256 == _hash(secret)))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _load_token(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create_token(path)
    token = path.read_text(encoding="ascii").strip()
    if len(token) < MIN_TOKEN_LENGTH:
        raise ValueError(f"{path} holds fewer than {MIN_TOKEN_LENGTH} characters: delete it")
    return token


def _create_token(path: Path) -> None:
    """Write a new token under another name first, so that nobody reads half of it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where a rename would replace the token of a process that was faster.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
