"""The schema that migrations make is the one that the code declares, and newer ones are refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from backend.contract.errors import SchemaTooNewError
from backend.database.migrate import build_alembic_config, is_at_head, upgrade
from backend.database.session import Database
from backend.database.tables import Base


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    yield database
    database.close()


def test_migrations_make_what_the_tables_declare(empty: Database) -> None:
    upgrade(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert is_at_head(connection)


def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    upgrade(empty)
    upgrade(empty)
    with empty.read_scope() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM counters")) == 3


def test_the_first_version_can_be_taken_back(empty: Database) -> None:
    upgrade(empty)
    config = build_alembic_config()
    with empty.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with empty.engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]


def test_a_database_of_a_newer_version_is_refused_untouched(empty: Database) -> None:
    upgrade(empty)
    with empty.session_scope() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaTooNewError, match=r"9999.*newer Maye"):
        upgrade(empty)
    with empty.read_scope() as session:
        assert session.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9999"
