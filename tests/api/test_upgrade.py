"""A database of the version before: migrated with everything in it, and served."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from api_caller import Api
from fastapi.testclient import TestClient
from history_player import play, read_everything, set_clock

from backend.api.app import create_app
from backend.contract.settings import Settings
from backend.database.migrate import build_alembic_config, read_versions, upgrade
from backend.database.session import Database
from tests.databases import new_database
from tests.postgres import PostgresServer

BEFORE = "0005"
OLD_COUNTERS = ("run", "stream")
NEW_IN_ANSWERS = frozenset({"stream", "workers"})
"""What tells of things that the version before did not store: machines, deleted runs."""


@pytest.fixture
def old_url(settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of the version before, of the same kind as the other one."""

    def find_server() -> PostgresServer:
        return request.getfixturevalue("postgres")

    kind = sa.make_url(settings.database_url).get_backend_name()
    with new_database(kind, tmp_path / "old", find_server, is_empty=True) as url:
        database = Database(url)
        config = build_alembic_config()
        with database.engine.execution_options(maye_is_write=True).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, BEFORE)
        database.close()
        yield url


def copy_rows(source: Database, url: str) -> dict[str, int]:
    """Copy what the old tables can hold by plain SQL; table to its number of rows."""
    target = Database(url)
    counts: dict[str, int] = {}
    with source.engine.connect() as reading, target.engine.begin() as writing:
        old = sa.MetaData()
        old.reflect(writing)
        for table in old.sorted_tables:
            if table.name == "alembic_version":
                continue
            names = [column.name for column in table.columns]
            listed = ", ".join(f'"{name}"' for name in names)
            # As the drivers give them: no code of today reads or writes these rows.
            query = sa.text(f"SELECT {listed} FROM {table.name}")
            rows = [dict(row) for row in reading.execute(query).mappings()]
            if table.name == "counters":
                rows = [row for row in rows if row["name"] in OLD_COUNTERS]
            writing.execute(sa.text(f"DELETE FROM {table.name}"))
            values = ", ".join(
                f"CAST(:{name} AS json)"
                if isinstance(table.c[name].type, sa.JSON) and writing.dialect.name == "postgresql"
                else f":{name}"
                for name in names
            )
            insert = sa.text(f"INSERT INTO {table.name} ({listed}) VALUES ({values})")
            if rows:
                writing.execute(insert, [_as_text(row) for row in rows])
            counts[table.name] = len(rows)
            if writing.dialect.name == "postgresql" and table.name in ("outbox", "evaluations"):
                # A real one has counted its own ids.
                ids = f"pg_get_serial_sequence('{table.name}', 'id')"
                writing.execute(sa.text(f"SELECT setval({ids}, {max(row['id'] for row in rows)})"))
    target.close()
    return counts


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    is_json = (dict, list)
    return {k: json.dumps(v) if isinstance(v, is_json) else v for k, v in row.items()}


def test_everything_is_there_and_served_after_the_upgrade(
    api: Api, settings: Settings, old_url: str
) -> None:
    set_clock(api)
    history = play(api)
    expected = read_everything(api, history)
    counts = copy_rows(api.platform.database, old_url)
    assert min(counts[name] for name in ("metric_points", "samples", "answers", "runs")) >= 8
    old = Database(old_url)
    with old.engine.connect() as connection:
        assert read_versions(connection) == {BEFORE}
    upgrade(old)
    with old.engine.connect() as connection:
        for name, count in counts.items():
            found = connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar()
            is_new = int(name == "counters")
            assert found == count + is_new, name
    old.close()
    app = create_app(settings.model_copy(update={"database_url": old_url}))
    with TestClient(app) as client:
        upgraded = Api(client, app.state.platform)
        served = read_everything(upgraded, history)
        for address in expected.keys() - NEW_IN_ANSWERS:
            assert without_new(served[address]) == without_new(expected[address]), address
        run = upgraded.create_run("after the upgrade")
        assert upgraded.get(f"runs/{run['id']}")["status"] == "queued"
        path = f"/api/v1/runs/{history.run}"
        assert client.delete(path, headers=upgraded.person).status_code == 204


def without_new(answered: Any) -> Any:
    """Without what the version before did not keep: priorities, and where data sets came from."""
    new = {"priority", "waits_for", "source"}
    if isinstance(answered, dict):
        return {k: without_new(v) for k, v in answered.items() if k not in new}
    if isinstance(answered, list):
        return [without_new(value) for value in answered]
    return answered
