"""Which parameters are trained: the language model; vision tower and connector are frozen."""

from torch.nn import Parameter
from transformers import PreTrainedModel


def freeze_vision(policy: PreTrainedModel) -> dict[str, Parameter]:
    """Freeze the vision tower with its connector (the merger), as the paper does.

    Returns:
        The trained parameters by name: language model and lm_head.
    """
    policy.requires_grad_(True)
    policy.get_submodule("model.visual").requires_grad_(False)
    return {name: p for name, p in policy.named_parameters() if p.requires_grad}
