"""Fixtures for all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.postgres import PostgresServer

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("sqlite", "postgresql")
"""Databases that tests run on."""


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
    # Imported here and below: the environment of the tests of vLLM has neither these packages nor
    # a browser's.
    from tests.postgres import running_postgres

    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium for all tests: a thread can drive playwright once only."""
    from playwright.sync_api import sync_playwright

    from tests.browser.chromium import launch_chromium

    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database; every test that uses it, however indirectly, runs on both kinds."""
    with _new_database(request, tmp_path / "home", is_empty=False) as url:
        yield url


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables, of either kind."""
    with _new_database(request, tmp_path, is_empty=True) as url:
        yield url


def _new_database(
    request: pytest.FixtureRequest, folder: Path, *, is_empty: bool
) -> AbstractContextManager[str]:
    from tests.databases import new_database

    def find_server() -> PostgresServer:
        return request.getfixturevalue("postgres")

    return new_database(request.param, folder, find_server, is_empty=is_empty)
