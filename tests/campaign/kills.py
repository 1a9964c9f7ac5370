"""Exact resume, exhaustively: killed at every place of every step, and at random moments.

Not collected by `make test`; `make campaign` names this file.
"""

import random

import pytest

from tests.worker.conftest import tiny_folder  # noqa: F401  (a fixture)
from tests.worker.rl.conftest import lay_out, make_run
from tests.worker.rl.interrupted import (
    EVERYTHING_MATTERS,
    PLACES,
    differences,
    run_attempt,
    start_attempt,
    told,
)

STEPS = 40
NUM_RANDOM_KILLS = 100
LONGEST_LIFE_S = 3.0


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_folder):  # noqa: F811
    return lay_out(tmp_path_factory.mktemp("home"), tiny_folder)


def make_long_run(home, **changes):
    evaluation = {**EVERYTHING_MATTERS["evaluation"], "every_epochs": 2}
    settings = {**EVERYTHING_MATTERS, "evaluation": evaluation, "epochs": STEPS // 4}
    return make_run(home, **(settings | changes))


@pytest.fixture(scope="module")
def straight(home):
    folder = make_long_run(home)
    run_attempt(home, folder, 1, None)
    return folder


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_one_place_of_each_of_the_40_steps(home, straight, place):
    killed = make_long_run(home)
    for step in range(1, STEPS + 1):
        run_attempt(home, killed, step, (place, step))
    run_attempt(home, killed, STEPS + 1, None)
    assert told(straight).keys() == told(killed).keys()
    assert differences(straight, killed) == []


def test_killed_at_100_random_moments(home, straight):
    kills, rng = 0, random.Random(0)
    while kills < NUM_RANDOM_KILLS:
        killed = make_long_run(home)
        fence, is_done = 0, False
        while not is_done:
            fence += 1
            process = start_attempt(home, killed, fence, None)
            process.join(timeout=rng.uniform(0.0, LONGEST_LIFE_S))
            is_done = not process.is_alive()
            process.kill()
            process.join()
            kills += not is_done
            assert process.exitcode in (0, -9)
        assert told(straight).keys() == told(killed).keys()
        assert differences(straight, killed) == []
