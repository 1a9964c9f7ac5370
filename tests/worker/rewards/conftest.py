from collections.abc import Iterator

import pytest

from worker.rewards.judge import Judge


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(timeout_s=30.0) as judge:
        yield judge
