"""RL with adapters: the base keeps every byte, the reference is the policy with them off."""

import pytest
import torch

from tests.worker.rl.conftest import make_run
from tests.worker.rl.spooled import metrics
from worker.modeling.checkpoints import load_newest
from worker.modeling.loading import load_policy
from worker.modeling.lora import merged_state
from worker.rl.__main__ import run


@pytest.fixture
def seen(monkeypatch):
    """The models that the trainer loads."""
    loaded = []

    def load_and_keep(path, device):
        loaded.append(load_policy(path, device))
        return loaded[-1]

    monkeypatch.setattr("worker.rl.__main__.load_policy", load_and_keep)
    return loaded


def test_the_base_keeps_every_byte_while_the_adapter_moves_and_the_kl_starts_at_zero(home, seen):
    folder = make_run(home, lora={"rank": 2})
    run(home, folder, 1)
    [policy] = seen  # no second copy of the model
    before = load_policy(home.model("tiny"), torch.device("cpu")).state_dict()
    after = {name.replace(".base_layer.", "."): t for name, t in policy.state_dict().items()}
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    weights = load_newest(folder.checkpoints)[0].weights
    assert all(".lora_" in name for name in weights)
    assert any(tensor.abs().max() > 0 for name, tensor in weights.items() if "lora_B" in name)
    logged = metrics(folder)
    assert logged[1, "policy/kl"] == 0.0
    assert logged[4, "policy/kl"] > 0.0
    merged = merged_state(policy)
    changed = {name for name, tensor in before.items() if not torch.equal(merged[name], tensor)}
    assert len(changed) == 4 * 7


def test_the_same_seed_twice_gives_bit_identical_runs_with_dropout(home):
    first, second = (make_run(home, lora={"rank": 2, "dropout": 0.2}) for _ in range(2))
    run(home, first, 1)
    run(home, second, 1)
    assert metrics(first) == metrics(second)


def test_dropout_changes_the_updates(home):
    with_dropout, without = (make_run(home, lora={"rank": 2, "dropout": d}) for d in (0.5, 0.0))
    run(home, with_dropout, 1)
    run(home, without, 1)
    key = 1, "policy/grad_norm"
    assert metrics(with_dropout)[key] != metrics(without)[key]
