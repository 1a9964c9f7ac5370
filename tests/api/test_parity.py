"""The same history on SQLite and on PostgreSQL gives the same JSON, everywhere that people read."""

import json
from pathlib import Path
from typing import Any

import pytest
from api_caller import PNG, PNG_SHA256, Api, fill_library
from fastapi.testclient import TestClient
from history_player import cases, play, read_everything, readable_paths, set_clock

from backend.api.app import create_app
from backend.contract.settings import Settings
from tests.databases import KINDS, new_database
from tests.postgres import PostgresServer


@pytest.fixture(scope="module")
def readings(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer
) -> dict[str, dict[str, Any]]:
    """Kind of database to everything that can be read after the history."""
    return {
        kind: read_after_history(kind, tmp_path_factory.mktemp(kind), postgres) for kind in KINDS
    }


def read_after_history(kind: str, folder: Path, postgres: PostgresServer) -> dict[str, Any]:
    with new_database(kind, folder / "home", lambda: postgres) as url:
        settings = Settings(home=folder / "home", database_url=url, relay_s=3600)
        app = create_app(settings)
        with TestClient(app) as client:
            api = Api(client, app.state.platform)
            fill_library(api.platform.database, settings.paths)
            images = settings.paths.dataset("shapes") / "images"
            images.mkdir(parents=True)
            (images / PNG_SHA256).write_bytes(PNG)
            set_clock(api)
            history = play(api)
            assert set(cases(history)) == readable_paths(api)
            return read_everything(api, history)


def test_every_answer_is_the_same_on_both_databases(
    readings: dict[str, dict[str, Any]],
) -> None:
    sqlite, postgres = (readings[kind] for kind in KINDS)
    assert list(sqlite) == list(postgres)
    for address, answered in sqlite.items():
        # As text: NaN, -0.0 and the order of keys count, too.
        assert json.dumps(answered) == json.dumps(postgres[address]), address


def test_the_history_is_worth_comparing(readings: dict[str, dict[str, Any]]) -> None:
    sqlite = readings["sqlite"]
    missing = [address for address, (status, *_) in sqlite.items() if status == 404]
    assert len(missing) == 3, missing
    text = json.dumps(sqlite)
    for word in ("NaN", "-Infinity", "5e-324", str(2**53 - 1), "\\ufffd", "deleted"):
        assert word in text, word
    statuses = {run["status"] for run in sqlite["runs"][1]["runs"]}
    assert statuses == {"queued", "succeeded", "failed", "cancelled"}
