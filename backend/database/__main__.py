"""`python -m backend.database migrate|check|backup FILE|restore FILE`: for operators."""

import argparse
import os
import sqlite3
import sys
from pathlib import Path

import psycopg
import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from backend.contract.errors import PlatformError
from backend.contract.settings import Settings
from backend.database.backup import Backup, back_up, restore
from backend.database.migrate import is_at_head, read_versions, upgrade
from backend.database.session import Database

NOT_IN_IT = (
    "Not in it are files: checkpoints, models, pictures and traces lie under {home}. "
    "Copy that folder, too."
)


def main(arguments: list[str]) -> int:
    """Carry out one command; 0 done, 1 refused or failed, 2 wrong usage."""
    wanted = _build_parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ)
    except ValidationError as e:
        print(f"settings: {e}", file=sys.stderr)
        return 2
    try:
        return _carry_out(wanted, settings)
    except PlatformError as e:
        print(f"{e.code}: {e.message}", file=sys.stderr)
    except SQLAlchemyError as e:
        # Without the statement and its values.
        print(f"database: {getattr(e, 'orig', None) or type(e).__name__}", file=sys.stderr)
    except (OSError, sqlite3.Error, psycopg.Error) as e:
        print(f"{type(e).__name__}: {e}", file=sys.stderr)
    return 1


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.database", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database to this version's schema")
    commands.add_parser("check", help="whether the database is sound and has today's schema")
    backing_up = commands.add_parser("backup", help="write a copy; the platform may run")
    backing_up.add_argument("file", type=Path)
    restoring = commands.add_parser("restore", help="put a copy back; the platform is stopped")
    restoring.add_argument("file", type=Path)
    restoring.add_argument("--force", action="store_true", help="replace what is there")
    return parser


def _carry_out(wanted: argparse.Namespace, settings: Settings) -> int:
    url = settings.resolved_database_url
    home = NOT_IN_IT.format(home=settings.paths.root)
    if wanted.command == "migrate":
        return _migrate(settings)
    if wanted.command == "check":
        return _check(settings)
    if wanted.command == "backup":
        made = back_up(url, wanted.file.resolve())
        print(f"wrote {made.file}: {_describe(made)}. {home}")
        return 0
    done = restore(url, wanted.file.resolve(), is_forced=wanted.force)
    print(f"restored {done.file}: {_describe(done)}. The next start migrates it where it is older.")
    print(home)
    return 0


def _describe(backup: Backup) -> str:
    schema = ", ".join(backup.versions) or "none"
    return f"{backup.kind}, {backup.size_bytes / 2**20:.1f} MiB, schema {schema}"


def _migrate(settings: Settings) -> int:
    database = Database.from_settings(settings)
    try:
        with database.engine.connect() as connection:
            before = read_versions(connection)
        upgrade(database)
        with database.engine.connect() as connection:
            after = read_versions(connection)
    finally:
        database.close()
    if before == after:
        print(f"the schema is {_join(after)} already: nothing to do")
    else:
        print(f"migrated from schema {_join(before)} to {_join(after)}")
    return 0


def _join(versions: frozenset[str]) -> str:
    return ", ".join(sorted(versions)) or "none (empty)"


def _check(settings: Settings) -> int:
    """Exit status 1 where anything is wrong."""
    url = sa.make_url(settings.resolved_database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        print(f"there is no database {url.database} yet: the first start makes it")
        return 1
    database = Database.from_settings(settings)
    problems: list[str] = []
    try:
        with database.engine.connect() as connection:
            if not is_at_head(connection):
                problems.append(f"schema {_join(read_versions(connection))} is not today's")
            if connection.dialect.name == "sqlite":
                found = connection.execute(sa.text("PRAGMA integrity_check(10)")).scalars().all()
                problems += [text for text in found if text != "ok"]
                broken = connection.execute(sa.text("PRAGMA foreign_key_check")).all()
                problems += [f"{row[0]} row {row[1]} refers to nothing" for row in broken[:10]]
    finally:
        database.close()
    print("\n".join(problems) or "sound, with today's schema")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
