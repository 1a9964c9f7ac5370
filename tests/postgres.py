"""A real PostgreSQL in a temporary folder, for tests and benchmarks."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import sqlalchemy as sa

from backend.database.migrate import upgrade
from backend.database.session import Database
from maye.redis_server import find_free_port

USER = "maye"
TEMPLATE = "maye_template"
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root: then it runs as this user."""
START_S = 60
HOW_TO_INSTALL = "sudo apt-get install --yes postgresql"


def find_programs() -> Path:
    """Folder of `initdb` and `postgres`: MAYE_POSTGRES_BIN, on PATH, or Debian's newest.

    Raises:
        FileNotFoundError: there is none; says how to install it.
    """
    named, on_path = os.environ.get("MAYE_POSTGRES_BIN"), shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    candidates = [Path(named)] if named else []
    candidates += [Path(on_path).resolve().parent] if on_path else []
    for folder in (*candidates, *reversed(debian)):
        if (folder / "initdb").is_file():
            return folder
    raise FileNotFoundError(
        "these tests need PostgreSQL's programs and none were found (looked at MAYE_POSTGRES_BIN, "
        f"PATH, /usr/lib/postgresql/*/bin). On Debian and Ubuntu: {HOW_TO_INSTALL}"
    )


@dataclass
class PostgresServer:
    """A running server."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    has_template: bool = field(default=False)

    def url(self, database: str) -> str:
        """SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Carry out a statement of the server's own, such as CREATE DATABASE."""
        address = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def create_empty(self) -> str:
        """URL of a new database without tables."""
        name = f"maye_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def create_migrated(self) -> str:
        """URL of a new database with today's tables; they are copied, not migrated again."""
        if not self.has_template:
            self.execute(f"CREATE DATABASE {TEMPLATE}")
            database = Database(self.url(TEMPLATE))
            upgrade(database)
            database.close()
            self.has_template = True
        name = f"maye_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE IF EXISTS {sa.make_url(url).database} WITH (FORCE)")


@contextmanager
def running_postgres(*, is_durable: bool = False) -> Iterator[PostgresServer]:
    """A server of one's own while the block runs.

    Args:
        is_durable: Whether commits wait for the disk; tests have nothing to lose.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="maye-postgres-"))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(folder, UNPRIVILEGED)
        as_user = {"user": UNPRIVILEGED, "extra_groups": []}
    data, port = folder / "data", find_free_port()
    with (folder / "log").open("wb") as log:
        subprocess.run(
            [
                *(programs / "initdb", "--pgdata", data, "--username", USER, "--auth", "trust"),
                *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
                # Sorts as people do, as production does: an order that was left to it shows.
                *("--locale-provider", "icu", "--icu-locale", "en"),
            ],
            check=True,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            **as_user,
        )
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "fsync": "on" if is_durable else "off",
            "max_connections": 200,
            "timezone": "Asia/Kathmandu",
        }
        process = subprocess.Popen(
            [
                *(programs / "postgres", "-D", data),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            **as_user,
        )
    try:
        _wait_until_ready(programs, port, process)
        yield PostgresServer(port, folder, process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder)


def _wait_until_ready(programs: Path, port: int, process: subprocess.Popen[bytes]) -> None:
    argv = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"]
    deadline = time.monotonic() + START_S
    while subprocess.run(argv, check=False).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start (exit status {process.poll()})")
        time.sleep(0.05)
