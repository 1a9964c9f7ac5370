"""Two devices train the run that one trains, resume it, and go on from each other's numbers."""

import json
import shutil

import pytest

from tests.worker.parallel.together import run_together
from tests.worker.rl.conftest import make_run
from tests.worker.rl.spooled import metrics, samples
from worker.modeling.checkpoints import list_checkpoints, load_newest


def train(home, folder, *, fence: int = 1) -> None:
    devices = json.loads(folder.config.read_text())["parallel"]["devices"]
    done = run_together(
        devices,
        "worker.rl",
        *("--home", str(home.root), "--run", folder.root.name, "--fence", str(fence)),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize(
    "changes",
    [
        # Two responses for one device and one for the other, which passes as often at weight 0.
        {
            "algorithm": {
                "responses_per_rl_step": 3,
                "responses_per_update": 3,
                "tokens_per_micro_batch": 80,
            }
        },
        # Small steps: random towers answer small changes with large ones, rounding included.
        {
            "trained": {"vision_tower": True, "connector": True},
            "optimizer": {"learning_rate": 1e-5},
        },
        {
            "algorithm": {"name": "grpo", "responses_per_prompt": 2, "kl_placement": "reward"},
            "parallel": {"activation_checkpointing": True},
        },
    ],
    ids=["language model", "vision too", "groups, activations computed again"],
)
def test_the_curve_of_two_devices_is_that_of_one(home, changes):
    parallel = changes.get("parallel", {})
    alone = make_run(home, **changes)
    together = make_run(home, **{**changes, "parallel": {**parallel, "devices": 2}})
    train(home, alone)
    train(home, together)
    expected, got = metrics(alone), metrics(together)
    assert got.keys() == expected.keys()
    assert len(expected) > 40
    for key, value in expected.items():
        assert got[key] == pytest.approx(value, rel=2e-3, abs=2e-5), key
    assert [s.response for s in samples(together)] == [s.response for s in samples(alone)]


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
