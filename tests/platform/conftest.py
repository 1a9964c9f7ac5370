"""One living platform for each file of tests."""

from collections.abc import Iterator

import pytest

from tests.databases import new_database
from tests.platform.living_platform import LivingPlatform, publish_tiny
from tests.postgres import PostgresServer


@pytest.fixture(scope="module")
def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LivingPlatform]:
    """`maye up` with a tiny data set and model; nothing of it is left behind."""
    home = tmp_path_factory.mktemp("platform") / "home"

    def find_server() -> PostgresServer:
        return request.getfixturevalue("postgres")

    kind = getattr(request, "param", "sqlite")
    with new_database(kind, home, find_server, is_empty=True) as url:
        platform = LivingPlatform(home, overrides={"MAYE_DATABASE_URL": url})
        try:
            platform.start()
            publish_tiny(platform)
            yield platform
        finally:
            platform.stop()
        assert platform.processes() == []
