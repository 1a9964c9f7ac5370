"""A served platform with a library of one model and one data set, and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from maye import Client
from tests.client.served import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "home")
    served.start()
    served.fill_library()
    yield served
    served.stop()


@pytest.fixture
def maye(served: Served) -> Iterator[Client]:
    with served.client() as client:
        yield client
