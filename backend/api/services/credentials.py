"""Tokens of people and workers, and the sessions that browsers hold instead of a token."""

import hashlib
import logging
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

logger = logging.getLogger(__name__)


@dataclass(slots=True, repr=False)
class TokenFile:
    """A token as its file says now: a new one is taken up without a restart."""

    path: Path
    token: str
    """As it was read last."""
    stamp: tuple[int, int, int]
    """Inode, time of the last change and size of the file that it was read from."""
    is_lost: bool = False
    """The file cannot be read any more, which was logged."""

    @classmethod
    def load(cls, path: Path) -> "TokenFile":
        """Read a token, which is made where there is none.

        Raises:
            ValueError: it is too short to be safe.
        """
        _load_token(path)
        stamp = _stamp(path)
        return cls(path, _read_token(path), stamp)

    def read(self) -> str:
        """The token; that of the last reading where the file is gone or no good."""
        try:
            stamp = _stamp(self.path)
            if stamp != self.stamp:
                self.token, self.stamp = _read_token(self.path), stamp
            self.is_lost = False
        except (OSError, ValueError) as error:
            if not self.is_lost:
                logger.warning("the token in use stays: %s", error)
            self.is_lost = True
        return self.token


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """The installation's tokens; never shown, not even in a debugger's repr."""

    admin_file: TokenFile
    worker_file: TokenFile

    @property
    def admin(self) -> str:
        """Of people and scripts."""
        return self.admin_file.read()

    @property
    def worker(self) -> str:
        """Of workers and runners."""
        return self.worker_file.read()

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
    return Tokens(TokenFile.load(home.admin_token), TokenFile.load(home.worker_token))


def rotate_admin_token(home: Home) -> None:
    """Put a new admin token in the place of the old one; sessions made from that end, too."""
    path = home.admin_token
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_new_token(path).replace(path)


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
    return _read_token(path)


def _read_token(path: Path) -> str:
    token = path.read_text(encoding="ascii").strip()
    if len(token) < MIN_TOKEN_LENGTH:
        raise ValueError(f"{path} holds fewer than {MIN_TOKEN_LENGTH} characters: delete it")
    return token


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _create_token(path: Path) -> None:
    """Make a token where nobody else was faster."""
    temporary = _write_new_token(path)
    try:
        # A link fails where a rename would replace the token of a process that was faster.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _write_new_token(path: Path) -> Path:
    """A new token under another name first, so that nobody reads half of it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return temporary
