"""Supervised fine-tuning on two devices: the run that one trains, and resumed from its state."""

import json
import shutil

import pytest

from tests.worker.parallel.together import run_together
from tests.worker.rl.spooled import metrics
from tests.worker.sft.conftest import make_run
from worker.modeling.checkpoints import list_checkpoints, load_newest


def train(home, folder, *, fence: int = 1) -> None:
    devices = json.loads(folder.config.read_text())["parallel"]["devices"]
    done = run_together(
        devices,
        "worker.sft",
        *("--home", str(home.root), "--run", folder.root.name, "--fence", str(fence)),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize(
    "changes",
    [
        # Five problems: three for one device, in another number of passes than the other's two.
        {"supervised": {"samples_per_update": 5}},
        {"supervised": {"samples_per_update": 5, "packing": False, "tokens_per_micro_batch": 80}},
        # Small steps: random towers answer small changes with large ones, rounding included.
        {
            "trained": {"vision_tower": True, "connector": True},
            "optimizer": {"learning_rate": 1e-5},
            "parallel": {"activation_checkpointing": True},
        },
    ],
    ids=["packed", "padded", "vision too, activations computed again"],
)
def test_the_curve_of_two_devices_is_that_of_one(home, changes):
    parallel = changes.get("parallel", {})
    alone = make_run(home, **changes)
    together = make_run(home, **{**changes, "parallel": {**parallel, "devices": 2}})
    train(home, alone)
    train(home, together)
    expected, got = metrics(alone), metrics(together)
    assert got.keys() == expected.keys()
    for (step, key), value in expected.items():
        # Each device packs its own share, so padding is the one thing that may differ.
        if key != "training/filled_frac":
            assert got[step, key] == pytest.approx(value, rel=2e-3, abs=2e-5), (step, key)
    ours, theirs = (load_newest(folder.checkpoints)[0].weights for folder in (together, alone))
    assert ours.keys() == theirs.keys()
    moved = max(float((ours[name] - theirs[name]).abs().max()) for name in ours)
    assert moved < 1e-4


def test_two_devices_resume_what_they_saved(home):
    straight, broken = (make_run(home, parallel={"devices": 2}) for _ in range(2))
    train(home, straight)
    shutil.copytree(straight.checkpoints, broken.checkpoints)
    for path in list_checkpoints(broken.checkpoints):
        if not path.name.startswith("step-00000002"):
            shutil.rmtree(path)
    train(home, broken, fence=2)
    resumed = metrics(broken, fence=2)
    assert {step for step, _ in resumed} == {3, 4}
    assert all(metrics(straight)[key] == value for key, value in resumed.items())
    ours, theirs = (load_newest(f.checkpoints)[0] for f in (straight, broken))
    for name, weights in ours.weights.items():
        assert weights.equal(theirs.weights[name]), name
