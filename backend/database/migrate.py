"""Bring a database to this version's schema, or refuse it when it is newer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from backend import migrations
from backend.contract.errors import SchemaTooNewError
from backend.database.session import Database
from backend.database.tables_experiments import Experiment

LOCK = 0x6D617965
"""Number of PostgreSQL's lock that one migrating process holds."""


def build_alembic_config() -> Config:
    """Configuration without a file: the versions travel inside the package."""
    config = Config()
    folder = Path(migrations.__file__).parent
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    # Of all tables: importing a module of tables puts them there, and this is the last one.
    config.attributes["metadata"] = Experiment.metadata
    return config


def upgrade(database: Database) -> None:
    """Apply all versions that the database lacks, in one transaction.

    Processes that start at the same time wait for each other: the second finds nothing to do.

    Raises:
        SchemaTooNewError: the database carries a version that this code does not know.
    """
    config = build_alembic_config()
    with _migrating(database) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        refuse_unknown_versions(read_versions(connection))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _migrating(database: Database) -> Iterator[sa.Connection]:
    """A transaction for changes of the schema.

    SQLite changes a table by making it anew; while it is away, nothing can refer to it. So the
    references are not watched meanwhile, and all are checked at the end.
    """
    is_sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.execution_options(maye_is_write=True).connect() as connection:
        if is_sqlite:
            _watch_references(connection, "OFF")
        try:
            with connection.begin():
                yield connection
                if is_sqlite:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                    assert not broken, f"rows that refer to nothing: {broken[:5]}"
        finally:
            if is_sqlite:
                _watch_references(connection, "ON")


def _watch_references(connection: sa.Connection, state: str) -> None:
    # To the driver: inside a transaction, which SQLAlchemy would begin, SQLite ignores it.
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA foreign_keys={state}")


def is_at_head(connection: sa.Connection) -> bool:
    """Whether the database has exactly this code's schema."""
    head = ScriptDirectory.from_config(build_alembic_config()).get_current_head()
    return read_versions(connection) == {head}


def read_versions(connection: sa.Connection) -> frozenset[str]:
    """Schema versions that a database carries; none in an empty one."""
    return frozenset(MigrationContext.configure(connection).get_current_heads())


def refuse_unknown_versions(versions: frozenset[str]) -> None:
    """Refuse what a newer Maye wrote.

    Raises:
        SchemaTooNewError: this code does not know one of the versions.
    """
    scripts = ScriptDirectory.from_config(build_alembic_config())
    unknown = versions - {script.revision for script in scripts.walk_revisions()}
    if unknown:
        raise SchemaTooNewError(
            f"the database has schema version {', '.join(sorted(unknown))}, which this version of "
            f"Maye does not know (it knows up to {scripts.get_current_head()}): it was opened by "
            "a newer Maye. Update Maye, or restore a backup from before the update"
        )
