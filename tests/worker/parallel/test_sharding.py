"""Sharded over two devices, a model's gradient is what one device would have computed."""

import pytest

from tests.worker.parallel.together import run_together


@pytest.mark.parametrize("vision", ["frozen", "trained"])
def test_devices_with_and_without_pictures_agree_on_the_gradient_of_one(tiny_folder, vision):
    done = run_together(2, "tests.worker.parallel.gradients", str(tiny_folder), vision)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert done.stdout.count("worst") == 2
