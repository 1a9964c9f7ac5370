"""A run whose process is killed at each of its 40 steps equals one that was never interrupted."""

from tests.worker.rl.conftest import make_run
from tests.worker.rl.interrupted import (
    EVERYTHING_MATTERS,
    PLACES,
    differences,
    run_attempt,
    told,
)

STEPS = 40


def test_a_run_killed_at_each_of_its_40_steps_is_bit_for_bit_one_that_was_not(home):
    changes = EVERYTHING_MATTERS | {"epochs": STEPS // 4}
    changes["evaluation"] = {**EVERYTHING_MATTERS["evaluation"], "every_epochs": 2}
    straight, killed = make_run(home, **changes), make_run(home, **changes)
    run_attempt(home, straight, 1, None)
    places = list(PLACES)
    for step in range(1, STEPS + 1):
        run_attempt(home, killed, step, (places[step % len(places)], step))
    run_attempt(home, killed, STEPS + 1, None)
    assert told(straight).keys() == told(killed).keys()
    assert {key[1] for key in told(killed) if key[0] == "axes"} == set(range(STEPS + 1))
    assert differences(straight, killed) == []
