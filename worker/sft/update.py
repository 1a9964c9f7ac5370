"""One update: mean -log p of the solutions' tokens, whatever the split into forward passes."""

from dataclasses import dataclass

import torch
from torch.optim import AdamW
from transformers import PreTrainedModel

from backend.contract.config import SFTConfig
from worker.modeling.lora import adapter_dropout
from worker.modeling.optimizer import learning_rate_at, take_step
from worker.modeling.precision import autocast
from worker.parallel.sharding import recomputed
from worker.sft.packing import padded_size, plan_rows, predict
from worker.sft.targets import Batch
from worker.tensors.logprobs import Distribution, chunked_logprobs

ALL_TOKENS = Distribution(temperature=1.0, banned_token_ids=())
"""The model's own distribution, as cross-entropy takes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateStats:
    """What one update did."""

    loss: float
    """Mean -log p of a target token before the update, in nats."""
    grad_norm: float
    """Global gradient norm before clipping."""
    learning_rate: float
    """Of this update."""
    filled_frac: float
    """Share of the tokens passed through the model that are no padding."""


def apply(
    policy: PreTrainedModel,
    optimizer: AdamW,
    batch: Batch,
    cfg: SFTConfig,
    *,
    step: int,
    total_steps: int,
) -> UpdateStats:
    """Learn from a batch of solutions.

    Raises:
        TrainingError: the gradient is not finite.
    """
    optimizer.zero_grad(set_to_none=True)
    with (
        adapter_dropout(policy, cfg.seed, "sft", step),
        recomputed(policy, is_on=cfg.parallel.activation_checkpointing),
    ):
        loss, filled_frac = compute_gradient(policy, batch, cfg)
    rate = learning_rate_at(step - 1, total_steps, cfg.optimizer)
    grad_norm = take_step(
        optimizer,
        learning_rate=rate,
        max_grad_norm=cfg.optimizer.max_grad_norm,
        loss=f"loss {loss}",
    )
    return UpdateStats(loss=loss, grad_norm=grad_norm, learning_rate=rate, filled_frac=filled_frac)


def compute_gradient(policy: PreTrainedModel, batch: Batch, cfg: SFTConfig) -> tuple[float, float]:
    """Add the gradient of the mean loss over all target tokens of the update.

    Returns:
        The loss, and the share of the passes' tokens that are no padding.
    """
    lengths = batch.lengths
    weight = 1.0 / float(batch.target_mask.sum())
    loss, num_passed = 0.0, 0
    supervised = cfg.supervised
    for rows in plan_rows(lengths, supervised.tokens_per_micro_batch, is_packed=supervised.packing):
        with autocast(policy.device, cfg.precision):
            predicted = predict(policy, batch, rows)
            assert predicted.head.bias is None, "no family's output projection has a bias"
            logprobs, _ = chunked_logprobs(
                predicted.states, predicted.head.weight, predicted.tokens, ALL_TOKENS
            )
        part = -logprobs.sum() * weight
        torch.autograd.backward(part)
        loss += float(part.detach())
        num_passed += padded_size(rows, lengths)
    return loss, sum(lengths) / num_passed
