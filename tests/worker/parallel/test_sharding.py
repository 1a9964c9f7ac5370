"""Sharded over two devices, a model's gradient is what one device would have computed."""

import pytest

from tests.worker.parallel.together import run_together


@pytest.mark.parametrize("vision", ["frozen", "trained"])
def test_devices_with_and_without_pictures_agree_on_the_gradient_of_one(tiny_folder, vision):
    done = run_together(2, "tests.worker.parallel.gradients", str(tiny_folder), vision)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.count("worst") == 2


def test_two_devices_give_the_responses_and_verdicts_of_one(tiny_folder):
    program = ("tests.worker.parallel.answers", str(tiny_folder))
    alone, together = (run_together(count, *program) for count in (1, 2))
    assert together.returncode == 0, together.stderr[-3000:]
    first, second = together.stdout.splitlines()
    assert first == second == alone.stdout.strip()
