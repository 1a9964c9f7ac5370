"""The schema that migrations make is the one that the code declares, and newer ones are refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from backend.contract.errors import SchemaTooNewError
from backend.database.migrate import build_alembic_config, is_at_head, upgrade
from backend.database.session import Database
from backend.database.tables import Base, Worker


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    database = Database(empty_url)
    yield database
    database.close()


def test_migrations_make_what_the_tables_declare(empty: Database) -> None:
    upgrade(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert is_at_head(connection)


def test_texts_are_ordered_by_their_bytes_whatever_the_language_of_the_server(
    empty: Database,
) -> None:
    upgrade(empty)
    names = ["b", "B", "a-1", "a1", "é", "z", "{", "Z"]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with empty.session_scope() as session:
        session.add_all([Worker(name=name, slots=1, last_seen_at=now) for name in names])
    with empty.read_scope() as session:
        stored = session.scalars(sa.select(Worker.name).order_by(Worker.name)).all()
    assert stored == sorted(names)
    if empty.engine.dialect.name == "postgresql":
        with empty.engine.connect() as connection:
            others = connection.execute(
                sa.text(
                    "SELECT table_name || '.' || column_name FROM information_schema.columns "
                    "WHERE table_schema = 'public' AND data_type = 'text' "
                    "AND collation_name IS DISTINCT FROM 'C'"
                )
            )
            assert others.all() == []


def test_processes_that_start_together_migrate_once(empty: Database) -> None:
    others = [Database(empty.engine.url.render_as_string(hide_password=False)) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, others))
    for other in others:
        other.close()
    with empty.engine.connect() as connection:
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
