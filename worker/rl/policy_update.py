"""Step IV, policy update: clipped surrogate and KL loss, over shuffled parts of the trajectory."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch.nn import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW

from backend.contract.config import OptimizerConfig, RLConfig
from backend.contract.errors import TrainingError
from worker.modeling.forward import response_logits
from worker.modeling.precision import autocast
from worker.rl.losses import clipped_surrogate, k3_kl
from worker.rl.trajectory_generation import Models
from worker.rl.types import Trajectory, UpdateStats
from worker.tensors.logprobs import processed_logits, token_logprobs
from worker.tensors.micro_batches import micro_batches


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


def apply(
    models: Models,
    optimizer: AdamW,
    trajectory: Trajectory,
    cfg: RLConfig,
    *,
    rl_step: int,
    total_rl_steps: int,
) -> UpdateStats:
    """Update the policy with the trajectory, `passes_per_rl_step` times over."""
    algorithm = cfg.algorithm
    total_updates = total_rl_steps * algorithm.updates_per_rl_step
    done = (rl_step - 1) * algorithm.updates_per_rl_step
    parts = list(_shuffled_parts(len(trajectory.rewards), cfg, rl_step))
    totals = np.zeros(6)
    rate = 0.0
    for index, rows in enumerate(parts):
        rate = learning_rate_at(done + index, total_updates, cfg.optimizer)
        for group in optimizer.param_groups:
            group["lr"] = rate
        totals += _update(models, optimizer, trajectory, rows, cfg)
    surrogate, kl_loss, clip_frac, ratio, loss, grad_norm = totals / len(parts)
    return UpdateStats(
        loss=loss,
        surrogate_loss=surrogate,
        kl_loss=None if trajectory.reference_logprobs is None else kl_loss,
        clip_frac=clip_frac,
        ratio=ratio,
        grad_norm=grad_norm,
        learning_rate=rate,
    )


def _shuffled_parts(num_rows: int, cfg: RLConfig, rl_step: int) -> Iterable[list[int]]:
    generator = np.random.Generator(np.random.Philox(key=[cfg.seed, 2**32 + rl_step]))
    size = cfg.algorithm.responses_per_update
    for _ in range(cfg.algorithm.passes_per_rl_step):
        order = generator.permutation(num_rows).tolist()
        yield from (order[start : start + size] for start in range(0, num_rows, size))


def _update(
    models: Models, optimizer: AdamW, trajectory: Trajectory, rows: Sequence[int], cfg: RLConfig
) -> np.ndarray:
    """One optimizer step on some responses; the split into micro-batches changes nothing.

    Returns:
        [6] surrogate loss, KL loss, clipped share, ratio, loss, gradient norm.

    Raises:
        TrainingError: the gradient is not finite.
    """
    num_tokens = trajectory.responses.num_tokens
    lengths = trajectory.prompts.attention_mask.sum(dim=1) + num_tokens
    weight = 1.0 / float(num_tokens[list(rows)].sum())
    sums = np.zeros(5)
    optimizer.zero_grad(set_to_none=True)
    for group in micro_batches(lengths[list(rows)].tolist(), cfg.algorithm.tokens_per_micro_batch):
        sums += weight * _backward(models, trajectory, [rows[i] for i in group], weight, cfg)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    grad_norm = float(clip_grad_norm_(parameters, cfg.optimizer.max_grad_norm))
    if not math.isfinite(grad_norm):
        raise TrainingError(
            f"the gradient norm is {grad_norm} (surrogate loss {sums[0]}, KL loss {sums[1]}): "
            "the update was not made; a smaller learning rate may help"
        )
    optimizer.step()
    return np.append(sums, grad_norm)


def _backward(
    models: Models, trajectory: Trajectory, rows: Sequence[int], weight: float, cfg: RLConfig
) -> np.ndarray:
    """Add one micro-batch's share of the gradient.

    Returns:
        [5] sums over its response tokens: surrogate, KL, clipped, ratio, loss.
    """
    index = list(rows)
    width = int(trajectory.responses.num_tokens[index].max())
    tokens = trajectory.responses.tokens[index, :width]
    mask = trajectory.response_mask[index, :width]
    with autocast(mask.device, cfg.precision):
        logits = response_logits(models.policy, trajectory.prompts.select(index), tokens, mask)
    banned = models.processor.banned_token_ids
    processed = processed_logits(logits, cfg.sampling.temperature, banned)
    logprobs = token_logprobs(processed, tokens) * mask
    clip_low, clip_high = cfg.algorithm.clip
    assert clip_low is not None
    assert clip_high is not None
    surrogate = clipped_surrogate(
        logprobs,
        trajectory.policy_logprobs[index, :width],
        trajectory.advantages[index, :width],
        clip_low=clip_low,
        clip_high=clip_high,
    )
    loss, kl = (surrogate.loss * mask).sum(), torch.zeros((), device=mask.device)
    if trajectory.reference_logprobs is not None:
        kl = (k3_kl(logprobs, trajectory.reference_logprobs[index, :width]) * mask).sum()
        loss = loss + cfg.algorithm.kl_coefficient * kl
    (loss * weight).backward()
    return np.array(
        [
            float((surrogate.loss.detach() * mask).sum()),
            float(kl.detach()),
            float((surrogate.is_clipped & mask).sum()),
            float((surrogate.ratio * mask).sum()),
            float(loss.detach()),
        ]
    )
