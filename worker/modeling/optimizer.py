"""AdamW, its schedule, and the guard before each of its steps."""

import math
from collections.abc import Iterable

from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW

from backend.contract.config import OptimizerConfig
from backend.contract.errors import TrainingError


def build_optimizer(parameters: Iterable[Parameter], cfg: OptimizerConfig) -> AdamW:
    """AdamW; its moments are fp32 because the weights are."""
    return AdamW(
        parameters,
        lr=cfg.learning_rate,
        betas=(cfg.beta1, cfg.beta2),
        eps=cfg.epsilon,
        weight_decay=cfg.weight_decay,
    )


def learning_rate_at(optimizer_step: int, total_steps: int, cfg: OptimizerConfig) -> float:
    """Linear warm-up, then half a cosine to 0.

    Deviation from the authors' code: the first update's rate is one warm-up step, not 0.

    Args:
        optimizer_step: Updates made so far.
        total_steps: Updates of the whole run.
        cfg: Peak rate and warm-up share.
    """
    warmup = int(cfg.warmup_frac * total_steps)
    if optimizer_step < warmup:
        return cfg.learning_rate * (optimizer_step + 1) / warmup
    progress = (optimizer_step - warmup) / max(1, total_steps - warmup)
    return cfg.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def take_step(optimizer: AdamW, *, learning_rate: float, max_grad_norm: float, loss: str) -> float:
    """Clip the gradients and step.

    Args:
        optimizer: Its parameters have their gradients.
        learning_rate: Of this step.
        max_grad_norm: Global norm to which gradients are clipped.
        loss: The losses in words, for the refusal.

    Returns:
        The global norm before clipping.

    Raises:
        TrainingError: the gradient is not finite; nothing was changed.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    grad_norm = float(clip_grad_norm_(parameters, max_grad_norm))
    if not math.isfinite(grad_norm):
        raise TrainingError(
            f"the gradient norm is {grad_norm} ({loss}): the update was not made; a smaller "
            "learning rate may help"
        )
    optimizer.step()
    return grad_norm
