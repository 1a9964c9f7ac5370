"""Two devices with adapters, and with bf16: RL and supervised fine-tuning."""

import math

import pytest

from tests.worker.parallel.together import run_together
from tests.worker.rl.conftest import lay_out
from tests.worker.rl.conftest import make_run as make_rl_run
from tests.worker.rl.spooled import metrics
from tests.worker.sft.conftest import make_run as make_sft_run
from worker.modeling.checkpoints import load_newest

SOLUTION = "The answer is \\\\boxed{1}. Is it red? The answer is 1."
MAKE_RUN = {"rl": make_rl_run, "sft": make_sft_run}


@pytest.fixture
def home(tmp_path, tiny_folder):
    """Problems with solutions, for both kinds of runs."""
    home = lay_out(tmp_path, tiny_folder)
    train = home.dataset("made-here") / "train.jsonl"
    train.write_text(train.read_text().replace('"answer"', f'"solution": "{SOLUTION}", "answer"'))
    return home


def trained(home, kind, devices, **changes):
    """Metrics and weights of a run."""
    folder = MAKE_RUN[kind](home, parallel={"devices": devices}, **changes)
    arguments = ("--home", str(home.root), "--run", folder.root.name, "--fence", "1")
    done = run_together(devices, f"worker.{kind}", *arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return metrics(folder), load_newest(folder.checkpoints)[0].weights


@pytest.mark.parametrize("kind", ["rl", "sft"])
def test_adapters_on_two_devices_learn_as_on_one(home, kind):
    lora = {"rank": 2, "alpha": 8.0}
    (expected, weights), (got, ours) = (trained(home, kind, n, lora=lora) for n in (1, 2))
    assert got.keys() == expected.keys()
    for (step, key), value in expected.items():
        if key != "training/filled_frac":  # each device packs its own share
            assert got[step, key] == pytest.approx(value, rel=2e-3, abs=2e-5), (step, key)
    assert ours.keys() == weights.keys()
    assert all(".lora_" in name for name in ours)
    for name, tensor in ours.items():
        assert tensor.shape == weights[name].shape, name
        assert float((tensor - weights[name]).abs().max()) < 1e-3, name


@pytest.mark.parametrize("lora", [None, {"rank": 2, "dropout": 0.2}], ids=["full", "adapters"])
@pytest.mark.parametrize("kind", ["rl", "sft"])
def test_bf16_on_two_devices_keeps_fp32_weights_and_moves_them(home, kind, lora):
    logged, weights = trained(home, kind, 2, lora=lora, precision="bfloat16")
    assert logged[4, "policy/grad_norm"] > 0.0
    assert all(math.isfinite(value) for value in logged.values())
    assert {str(tensor.dtype) for tensor in weights.values()} == {"torch.float32"}
    assert any(tensor.abs().max() > 0 for name, tensor in weights.items() if "lora_A" not in name)
