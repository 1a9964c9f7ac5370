"""Fixtures for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import KINDS, new_database
from tests.postgres import PostgresServer, running_postgres

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real third-party data beside the checkout; its absence in CI is a failure."""
    folder = Path(os.environ.get("MAYE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        message = f"no test data at {folder}: set MAYE_TEST_DATA to run this test"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL, started once for all tests that ask for it; its absence is a failure."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database; every test that uses it, however indirectly, runs on both kinds."""

    def find_server() -> PostgresServer:
        return request.getfixturevalue("postgres")

    with new_database(request.param, tmp_path / "home", find_server) as url:
        yield url


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables, of either kind."""

    def find_server() -> PostgresServer:
        return request.getfixturevalue("postgres")

    with new_database(request.param, tmp_path, find_server, is_empty=True) as url:
        yield url
