"""An engine of its own is sent what is trained, with what it keeps joined to it, no more."""

import pytest
import torch
from safetensors.torch import load_file

from backend.contract.config import LoraConfig, TrainedPartsConfig
from worker.generation.weight_updates import changed_weights
from worker.modeling.freezing import freeze_parts
from worker.modeling.lora import add_adapters


def ending(weights, end):
    """The one weight whose name ends so: files and modules differ in where names begin."""
    [weight] = [weight for name, weight in weights.items() if name.endswith(end)]
    return weight


def test_frozen_parts_are_not_sent(policy):
    freeze_parts(policy, TrainedPartsConfig())
    names = changed_weights(policy).keys()
    assert names
    assert not any("visual" in name for name in names)


def test_the_names_are_those_of_the_models_files(policy, tiny_folder):
    policy.requires_grad_(True)
    saved = load_file(tiny_folder / "model.safetensors")
    sent = changed_weights(policy)
    assert sent.keys() == saved.keys()
    assert all(torch.equal(sent[name], saved[name]) for name in saved)


def test_what_an_engine_keeps_joined_is_sent_together(policy):
    policy.requires_grad_(False)
    layer = policy.get_submodule("model.language_model.layers.1.self_attn.q_proj")
    layer.weight.requires_grad_(True)
    names = {name.split("self_attn.")[1] for name in changed_weights(policy)}
    assert {"q_proj.weight", "k_proj.weight", "v_proj.weight", "q_proj.bias"} <= names
    assert all("layers.1.self_attn." in name for name in changed_weights(policy))


@pytest.mark.parametrize("targets", [("q_proj",), ("q_proj", "down_proj")])
def test_adapters_are_sent_as_the_weights_that_they_make(policy, targets):
    before = {name: p.detach().clone() for name, p in policy.named_parameters()}
    trained = add_adapters(policy, LoraConfig(rank=2, alpha=4.0, target_modules=targets), seed=0)
    with torch.no_grad():
        for parameter in trained.values():
            parameter.copy_(torch.randn_like(parameter))
    sent = changed_weights(policy)
    assert all("lora" not in name and "base_layer" not in name for name in sent)
    layer = policy.get_submodule("model.language_model.layers.0.self_attn.q_proj")
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    adapted = before["model.language_model.layers.0.self_attn.q_proj.weight"] + 2.0 * (up @ down)
    torch.testing.assert_close(ending(sent, "layers.0.self_attn.q_proj.weight"), adapted)
    sibling = "layers.0.self_attn.k_proj.weight"
    assert torch.equal(ending(sent, sibling), ending(before, sibling))
    assert any("mlp" in name for name in sent) == ("down_proj" in targets)
