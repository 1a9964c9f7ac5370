"""A whole run with vLLM, resumed on the way: engine and trainer stay together."""

import shutil

from tests.worker.rl.conftest import make_run
from tests.worker.rl.spooled import metrics, samples
from worker.modeling.checkpoints import list_checkpoints
from worker.rl.__main__ import run


def test_a_run_and_its_resumption_stay_together_with_their_engine(home):
    folder = make_run(
        home,
        engine={"name": "vllm"},
        data={"max_prompt_tokens": 512, "max_image_pixels": 8000},
        evaluation={"permuted_control": False},
    )
    run(home, folder, 1)
    logged = metrics(folder)
    assert logged[0, "policy/gate_drift"] < 1e-3
    drifts = {step: value for (step, key), value in logged.items() if key == "policy/rollout_drift"}
    assert drifts.keys() == {1, 2, 3, 4}
    assert max(drifts.values()) < 1e-3
    assert len(samples(folder)) == 4 * 4

    # The engine starts with the weights of the model's folder: only the checkpoint's let it pass.
    for path in list_checkpoints(folder.checkpoints):
        if not path.name.startswith("step-00000002"):
            shutil.rmtree(path)
    run(home, folder, 2)
    resumed = metrics(folder, fence=2)
    assert {step for step, key in resumed if key == "policy/rollout_drift"} == {3, 4}
    assert all(resumed[step, "policy/rollout_drift"] < 1e-3 for step in (3, 4))
    first = {(s.rl_step, s.index): s.response for s in samples(folder) if s.rl_step > 2}
    again = {(s.rl_step, s.index): s.response for s in samples(folder, fence=2)}
    assert again == first
