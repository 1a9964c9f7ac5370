"""What an engine with weights of its own is sent after an update: what has changed, no more."""

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

from worker.modeling.lora import merged_layers


@torch.no_grad()
def changed_weights(policy: PreTrainedModel) -> dict[str, Tensor]:
    """The trained weights of a policy under the names of its checkpoint files.

    Adapters are added to the weights that they adapt. Engines keep some matrices joined (queries,
    keys and values; gate and up) and can only take them together: what shares a block with a
    trained weight is sent as well.
    """
    merged = dict(merged_layers(policy))
    # Without adapters, which no engine is sent, and under the names that the model has without.
    own = {
        name.replace(".base_layer.", "."): parameter
        for name, parameter in policy.named_parameters()
        if ".lora_" not in name
    }
    changed = {name for name, parameter in own.items() if parameter.requires_grad} | merged.keys()
    blocks = {_block(name) for name in changed}
    weights = {
        name: merged.get(name, parameter.detach())
        for name, parameter in own.items()
        if _block(name) in blocks
    }
    return revert_weight_conversion(policy, weights)


def _block(name: str) -> str:
    """The module that holds a parameter's layer: `layers.0.self_attn` of its `q_proj.weight`."""
    return name.rsplit(".", 2)[0]
