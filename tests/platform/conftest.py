"""One living platform for each file of tests."""

from collections.abc import Iterator

import pytest

from tests.platform.living_platform import LivingPlatform, publish_tiny


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingPlatform]:
    """`maye up` with a tiny data set and model; nothing of it is left behind."""
    platform = LivingPlatform(tmp_path_factory.mktemp("platform") / "home")
    try:
        platform.start()
        publish_tiny(platform)
        yield platform
    finally:
        platform.stop()
    assert platform.processes() == []
