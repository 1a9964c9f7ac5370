"""Adapters: exact at the start, off as the reference, merged without changing the policy."""

import copy

import pytest
import torch

from backend.contract.config import LoraConfig
from backend.contract.errors import ModelInvalidError
from tests.worker.conftest import make_prompts
from worker.modeling.forward import response_logits
from worker.modeling.loading import load_policy
from worker.modeling.lora import (
    adapter_dropout,
    adapters_off,
    add_adapters,
    merged_layers,
    merged_state,
)

LORA = LoraConfig(rank=2, alpha=8.0)


def logits(model, prompts):
    tokens = torch.tensor([[25, 26, 27], [28, 29, 30], [31, 32, 33]])
    with torch.no_grad():
        return response_logits(model, prompts, tokens, torch.ones(3, 3, dtype=torch.bool))


def move(parameters):
    """Adapters as training might leave them."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


@pytest.fixture
def before(policy, processor):
    """The model without adapters, and its logits."""
    base = copy.deepcopy(policy)
    prompts = make_prompts(policy, processor)
    return base, prompts, logits(base, prompts)


def test_new_adapters_change_no_bit_and_only_they_are_trained(policy, before):
    _, prompts, expected = before
    parameters = add_adapters(policy, LORA, seed=0)
    assert torch.equal(logits(policy, prompts), expected)
    assert all(".lora_" in name for name in parameters)
    assert all(name.startswith("model.language_model.layers.") for name in parameters)
    assert len(parameters) == 4 * 7 * 2  # layers x matrices x (A and B)
    trained = {name for name, p in policy.named_parameters() if p.requires_grad}
    assert trained == set(parameters)


def test_adapters_off_is_the_model_before_training_to_the_bit(policy, before):
    _, prompts, expected = before
    parameters = add_adapters(policy, LORA, seed=0)
    move(parameters)
    assert not torch.allclose(logits(policy, prompts), expected)
    moved = logits(policy, prompts)
    with adapters_off(policy):
        assert torch.equal(logits(policy, prompts), expected)
    assert torch.equal(logits(policy, prompts), moved)
    assert all(parameter.requires_grad for parameter in parameters.values())


def test_the_merged_state_loads_into_the_model_without_adapters(policy, before):
    base, prompts, _ = before
    parameters = add_adapters(policy, LORA, seed=0)
    move(parameters)
    frozen = {n: p.clone() for n, p in policy.named_parameters() if n not in parameters}
    state = merged_state(policy)
    for name, tensor in policy.named_parameters():
        if name in frozen:
            assert torch.equal(tensor, frozen[name]), name
    assert set(state) == set(base.state_dict())
    # In fp64, because the tiny model's sharpened logits are large.
    base.double().load_state_dict(merged_state(policy.double()))
    torch.testing.assert_close(logits(base, prompts), logits(policy, prompts), atol=1e-5, rtol=0)


def test_the_merged_layers_are_the_part_of_the_merged_state_that_changed(policy, before):
    base, *_ = before
    move(add_adapters(policy, LORA, seed=0))
    layers, state = dict(merged_layers(policy)), merged_state(policy)
    changed = {n for n, t in base.state_dict().items() if not torch.equal(t, state[n])}
    assert set(layers) == changed
    assert all(torch.equal(state[name], tensor) for name, tensor in layers.items())


def test_a_model_without_adapters_is_its_own_merged_state(policy):
    state = policy.state_dict()
    merged = merged_state(policy)
    assert list(merged) == list(state)
    assert all(torch.equal(merged[name], state[name]) for name in state)


def test_dropout_is_a_function_of_its_key_and_ends_with_the_update(policy, before):
    _, prompts, _ = before
    move(add_adapters(policy, LoraConfig(rank=2, alpha=8.0, dropout=0.5), seed=0))
    without = logits(policy, prompts)
    random_state = torch.get_rng_state()

    def dropped(*key):
        with adapter_dropout(policy, *key):
            return logits(policy, prompts)

    first, again, other = dropped(0, "update", 3), dropped(0, "update", 3), dropped(0, "update", 4)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, without)
    assert torch.equal(logits(policy, prompts), without)
    assert torch.equal(torch.get_rng_state(), random_state)


def test_the_first_adapters_are_a_function_of_the_seed(tiny_folder):
    first, again, other = (
        add_adapters(load_policy(tiny_folder, torch.device("cpu")), LORA, seed=seed)
        for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_layer_that_the_language_model_has_not_is_refused_with_those_it_has(policy):
    cfg = LoraConfig(target_modules=("q_proj", "proj_q", "qkv"))
    with pytest.raises(ModelInvalidError, match=r"names proj_q, qkv; .*down_proj, gate_proj"):
        add_adapters(policy, cfg, seed=0)
