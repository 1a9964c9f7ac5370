"""Copies of the database while the platform runs, and putting one back.

SQLite: a database file, made by `VACUUM INTO`. PostgreSQL: pg_dump's custom format. Either is
complete or absent: written beside its place and renamed, or put back in one transaction.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from backend.contract.errors import ConflictError, InvalidInputError
from backend.database.migrate import refuse_unknown_versions
from backend.database.session import Database
from backend.database.tables import Counter
from backend.database.tables_experiments import Experiment

SQLITE_MAGIC, POSTGRES_MAGIC = b"SQLite format 3\x00", b"PGDMP"
NOT_CONTENT = frozenset({Counter.__tablename__})
"""Tables that have rows in a new database, too."""
LOCK_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that was written or put back."""

    file: Path
    kind: str
    """sqlite or postgresql."""
    size_bytes: int
    versions: tuple[str, ...]
    """Schema versions that it carries; empty where nothing was ever migrated."""


def back_up(url: str, target: Path) -> Backup:
    """Write a consistent copy of a database; it may be in use.

    Raises:
        ConflictError: the file exists.
        InvalidInputError: there is no such database, or PostgreSQL's programs refuse.
        FileNotFoundError: pg_dump is not installed.
    """
    if target.exists():
        raise ConflictError(f"{target} exists: choose another name")
    target.parent.mkdir(parents=True, exist_ok=True)
    parsed = sa.make_url(url)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
        copy = Path(folder) / target.name
        if parsed.get_backend_name() == "sqlite":
            _copy_sqlite(_sqlite_file(parsed), copy)
        else:
            argv = ["--format=custom", "--no-owner", "--no-privileges", f"--file={copy}"]
            _run_postgres("pg_dump", parsed, [*argv, f"--dbname={_conninfo(parsed)}"])
        made = _describe(copy)
        copy.chmod(0o600)
        _sync(copy)
        copy.rename(target)
    _sync(target.parent)
    return Backup(target, made.kind, made.size_bytes, made.versions)


def restore(url: str, source: Path, *, is_forced: bool) -> Backup:
    """Put a copy in the place of a database; nothing changes unless all of it can be.

    Raises:
        InvalidInputError: it is no backup, damaged, or of the other kind of database.
        SchemaTooNewError: a newer Maye wrote it.
        ConflictError: the database has content and is_forced is not set, or is in use.
        FileNotFoundError: PostgreSQL's programs are not installed.
    """
    parsed = sa.make_url(url)
    backup = _describe(source)
    kind = parsed.get_backend_name()
    if backup.kind != kind:
        raise InvalidInputError(
            f"{source} is a backup of a {backup.kind} database, and MAYE_DATABASE_URL names one of "
            f"{kind}: restore it where it came from"
        )
    refuse_unknown_versions(frozenset(backup.versions))
    content = None if is_forced else _find_content(parsed)
    if content is not None:
        raise ConflictError(
            f"the database has rows in {content}: restoring replaces everything in it; say --force "
            "if that is meant"
        )
    if kind == "sqlite":
        _put_back_sqlite(source, _sqlite_file(parsed))
    else:
        _put_back_postgres(source, parsed)
    return backup


def _describe(file: Path) -> Backup:
    """What a backup's first bytes and its version table say."""
    if not file.is_file():
        raise InvalidInputError(f"there is no file {file}")
    with file.open("rb") as opened:
        start = opened.read(16)
    if start == SQLITE_MAGIC:
        return Backup(file, "sqlite", file.stat().st_size, _versions_of_sqlite(file))
    if start.startswith(POSTGRES_MAGIC):
        return Backup(file, "postgresql", file.stat().st_size, _versions_of_dump(file))
    raise InvalidInputError(
        f"{file} is no backup: it starts as neither a SQLite database nor a dump of PostgreSQL"
    )


def _versions_of_sqlite(file: Path) -> tuple[str, ...]:
    # Immutable: a backup has no journal, and looking at it must not make one.
    with closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as connection:
        try:
            problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if problem != "ok":
                raise InvalidInputError(f"{file} is damaged: {problem}")
            table = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
            if connection.execute(table).fetchone() is None:
                return ()
            found = connection.execute("SELECT version_num FROM alembic_version")
            return tuple(row[0] for row in found)
        except sqlite3.DatabaseError as e:
            raise InvalidInputError(f"{file} is damaged: {e}") from e


def _versions_of_dump(file: Path) -> tuple[str, ...]:
    argv = ["--data-only", "--table=alembic_version", "--file=-", str(file)]
    script = _run_postgres("pg_restore", None, argv)
    _, _, copied = script.partition("FROM stdin;\n")
    rows, _, _ = copied.partition("\\.")
    return tuple(row for row in rows.splitlines() if row)


def _find_content(url: sa.URL) -> str | None:
    """Name of a table of the platform that has rows; None in a new or absent database."""
    if url.get_backend_name() == "sqlite" and not _sqlite_file(url).exists():
        return None
    database = Database(url.render_as_string(hide_password=False))
    try:
        with database.engine.connect() as connection:
            present = set(sa.inspect(connection).get_table_names())
            for table in Experiment.metadata.sorted_tables:
                if table.name in present - NOT_CONTENT:
                    query = sa.select(sa.literal(1)).select_from(table).limit(1)
                    if connection.execute(query).first() is not None:
                        return table.name
    finally:
        database.close()
    return None


def _sqlite_file(url: sa.URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise InvalidInputError(f"{url} names no file")
    return Path(url.database)


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.exists():
        raise InvalidInputError(f"there is no database {source}")
    with closing(sqlite3.connect(source, timeout=LOCK_TIMEOUT_S)) as connection:
        connection.isolation_level = None
        connection.execute("VACUUM INTO ?", (str(target),))


def _put_back_sqlite(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=target.parent) as folder:
        copy = Path(folder) / target.name
        shutil.copyfile(source, copy)
        copy.chmod(0o600)
        _sync(copy)
        if target.exists():
            _fold_journal(target)
        copy.rename(target)
    _sync(target.parent)


def _fold_journal(file: Path) -> None:
    """Leave the old database without its journal, which the new one would take for its own."""
    with closing(sqlite3.connect(file, timeout=1)) as connection:
        try:
            # SQLite grants this to the only user alone.
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError as e:
            raise ConflictError(f"{file} is in use ({e}): stop the platform first") from e
    if mode != "delete":
        raise ConflictError(f"{file} is in use: stop the platform first")


def _put_back_postgres(source: Path, url: sa.URL) -> None:
    """Drop what is there and make what the backup holds, in one transaction."""
    query = "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = current_schema()"
    with psycopg.connect(_conninfo(url), password=url.password) as connection:
        tables = [row[0] for row in connection.execute(query)]
    with tempfile.TemporaryDirectory(prefix="maye-restore-") as folder:
        before, script = Path(folder) / "before.sql", Path(folder) / "backup.sql"
        drop = f"DROP TABLE {', '.join(tables)} CASCADE;\n" if tables else ""
        before.write_text(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s';\n{drop}")
        argv = ["--no-owner", "--no-privileges", f"--file={script}", str(source)]
        _run_postgres("pg_restore", None, argv)
        _run_postgres(
            "psql",
            url,
            [
                *("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"),
                *("--output=/dev/null", f"--file={before}", f"--file={script}"),
                f"--dbname={_conninfo(url)}",
            ],
        )


def _conninfo(url: sa.URL) -> str:
    """The address without its password."""
    parts: dict[str, str | int | None] = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "dbname": url.database,
    }
    options = {name: text for name, text in url.query.items() if isinstance(text, str)}
    return make_conninfo(**{k: v for k, v in parts.items() if v is not None}, **options)


def _run_postgres(program: str, url: sa.URL | None, arguments: list[str]) -> str:
    """Run one of PostgreSQL's programs; the password goes by the environment alone.

    Raises:
        FileNotFoundError: it is not installed.
        InvalidInputError: it refuses; says why in its words.
    """
    environment: Mapping[str, str] = os.environ
    if url is not None and url.password is not None:
        environment = {**os.environ, "PGPASSWORD": url.password}
    done = subprocess.run(
        [find_program(program), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise InvalidInputError(f"{program} failed: {done.stderr.strip()[-1000:]}")
    return done.stdout


def find_program(name: str) -> Path:
    """One of PostgreSQL's programs: on PATH, or Debian's newest.

    Raises:
        FileNotFoundError: it is not installed; says how to install it.
    """
    on_path = shutil.which(name)
    if on_path is not None:
        return Path(on_path)
    debian = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(debian, key=lambda path: int(path.parent.parent.name), default=None)
    if newest is None:
        raise FileNotFoundError(
            f"{name} is needed and was not found (looked on PATH and in /usr/lib/postgresql/*/bin)."
            " On Debian and Ubuntu: sudo apt-get install --yes postgresql-client"
        )
    return newest


def _sync(path: Path) -> None:
    """Have a file, or a folder's names, on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
