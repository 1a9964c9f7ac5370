"""A platform on either database, with a library of one model and one data set."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_caller import PNG, PNG_SHA256, Api, fill_library
from fastapi.testclient import TestClient

from backend.api.app import create_app
from backend.contract.settings import Settings
from backend.database.session import Database


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        home=tmp_path / "home",
        database_url=database_url,
        # The relay sweeps once at the start and then only when a test says so.
        relay_s=3600,
        static_dir=tmp_path / "dist",
    )


@pytest.fixture
def api(settings: Settings) -> Iterator[Api]:
    app = create_app(settings)
    with TestClient(app) as client:
        platform = app.state.platform
        fill_library(platform.database, settings.paths)
        images = settings.paths.dataset("shapes") / "images"
        images.mkdir(parents=True)
        (images / PNG_SHA256).write_bytes(PNG)
        yield Api(client, platform)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database.from_settings(settings)
    fill_library(database, settings.paths)
    yield database
    database.close()
