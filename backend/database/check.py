"""`python -m backend.database.check`: how the database is, as JSON; nothing is changed."""

import json
import os
import sys
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from backend.contract.settings import Settings
from backend.database.migrate import build_alembic_config
from backend.database.session import Database
from backend.database.tables import Counter


class State(StrEnum):
    """How a database is."""

    OK = "ok"
    ABSENT = "absent"
    """There is none yet: the first start makes it."""
    OLDER = "older"
    """The next start migrates it."""
    NEWER = "newer"
    UNREACHABLE = "unreachable"
    PASSWORD = "password"
    """The server refuses the user or the password."""
    MISSING = "missing"
    """The server has no such database."""
    URL = "url"
    """The address itself is wrong."""
    READ_ONLY = "read_only"
    BROKEN = "broken"


def examine(settings: Settings) -> tuple[State, str]:
    """State of the database, and what was found in words (without the password)."""
    try:
        url = sa.make_url(settings.resolved_database_url)
        where = url.render_as_string(hide_password=True)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            return State.ABSENT, f"{where} does not exist yet: the first start makes it"
        database = Database(settings.resolved_database_url)
    except (ArgumentError, ImportError) as problem:
        return State.URL, f"MAYE_DATABASE_URL is no address of a database: {problem}"
    try:
        with database.engine.connect() as connection:
            state, found = _compare_schema(connection)
        if state is State.OK:
            state, found = _try_writing(database, found)
    except DBAPIError as problem:
        state, found = _classify(problem), str(problem.orig).strip().splitlines()[0]
    finally:
        database.close()
    return state, f"{where}: {found}"


def _compare_schema(connection: sa.Connection) -> tuple[State, str]:
    scripts = ScriptDirectory.from_config(build_alembic_config())
    known = {script.revision for script in scripts.walk_revisions()}
    newest = scripts.get_current_head()
    heads = MigrationContext.configure(connection).get_current_heads()
    if not heads:
        return State.ABSENT, "empty: the first start makes the tables"
    if set(heads) - known:
        return State.NEWER, f"has schema {', '.join(heads)}; this version knows up to {newest}"
    if heads != (newest,):
        return State.OLDER, f"has schema {', '.join(heads)}, this version has {newest}"
    return State.OK, f"has today's schema {newest}"


def _try_writing(database: Database, found: str) -> tuple[State, str]:
    """Ask for a write that changes no row: rights and locks are tested all the same."""
    try:
        with database.session_scope() as session:
            session.execute(sa.update(Counter).values(value=Counter.value).where(sa.false()))
    except DBAPIError as problem:
        return State.READ_ONLY, f"cannot be written: {str(problem.orig).splitlines()[0]}"
    return State.OK, f"{found} and can be written"


def _classify(problem: DBAPIError) -> State:
    """What a failed connection means; PostgreSQL tells it in words alone at this point."""
    text = str(problem.orig)
    if "password authentication failed" in text or "no password supplied" in text:
        return State.PASSWORD
    if "role" in text and "does not exist" in text:
        return State.PASSWORD
    if "database" in text and "does not exist" in text:
        return State.MISSING
    return State.UNREACHABLE if isinstance(problem, OperationalError) else State.BROKEN


if __name__ == "__main__":
    found_state, detail = examine(Settings.from_environment(os.environ))
    json.dump({"state": found_state, "detail": detail}, sys.stdout)
