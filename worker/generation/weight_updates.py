"""What an engine with weights of its own is sent after an update: what has changed, no more."""

from torch import Tensor
from transformers import PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion


def changed_weights(policy: PreTrainedModel) -> dict[str, Tensor]:
    """The trained weights of a policy under the names of its checkpoint files.

    Engines keep some matrices joined (queries, keys and values; gate and up) and can only take them
    together: what shares a block with a trained weight is sent as well.
    """
    blocks = {_block(name) for name, p in policy.named_parameters() if p.requires_grad}
    weights = {
        name: parameter.detach()
        for name, parameter in policy.named_parameters()
        if _block(name) in blocks
    }
    return revert_weight_conversion(policy, weights)


def _block(name: str) -> str:
    """The module that holds a parameter's layer: `layers.0.self_attn` of its `q_proj.weight`."""
    return name.rsplit(".", 2)[0]
