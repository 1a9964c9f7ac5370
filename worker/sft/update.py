"""One update: mean -log p of the solutions' tokens, whatever the split into forward passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import AdamW
from transformers import PreTrainedModel

from backend.contract.config import SFTConfig
from worker.modeling.freezing import is_vision_trained, vision_modules
from worker.modeling.lora import adapter_dropout
from worker.modeling.optimizer import learning_rate_at, take_step
from worker.modeling.precision import autocast
from worker.parallel.devices import Devices
from worker.parallel.sharding import recomputed, zero_of
from worker.parallel.splitting import planned_passes
from worker.sft.packing import Row, padded_size, plan_rows, predict
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Learner:
    """What learns."""

    policy: PreTrainedModel
    """The model."""
    optimizer: AdamW
    """Of its trained parameters."""
    devices: Devices
    """All devices that share it."""


def apply(
    learner: Learner, batch: Batch, cfg: SFTConfig, *, step: int, total_steps: int
) -> UpdateStats:
    """Learn from a batch of solutions.

    Args:
        learner: Its policy is changed.
        batch: The update's problems, the same on every device.
        cfg: The run's configuration.
        step: Of this update, from 1.
        total_steps: Updates of the whole run.

    Raises:
        TrainingError: the gradient is not finite.
    """
    policy, optimizer, devices = learner.policy, learner.optimizer, learner.devices
    optimizer.zero_grad(set_to_none=True)
    with (
        # Each device drops other inputs: their rows are parts of one batch.
        adapter_dropout(policy, cfg.seed, "sft", step, devices.rank),
        recomputed(policy, is_on=cfg.parallel.activation_checkpointing),
    ):
        loss, filled_frac = compute_gradient(policy, batch, cfg, devices)
    rate = learning_rate_at(step - 1, total_steps, cfg.optimizer)
    grad_norm = take_step(
        optimizer,
        learning_rate=rate,
        max_grad_norm=cfg.optimizer.max_grad_norm,
        loss=f"loss {loss}",
    )
    return UpdateStats(loss=loss, grad_norm=grad_norm, learning_rate=rate, filled_frac=filled_frac)


def compute_gradient(
    policy: PreTrainedModel, batch: Batch, cfg: SFTConfig, devices: Devices
) -> tuple[float, float]:
    """Add the gradient of the mean loss over all target tokens of the update.

    Every device passes its share of the problems; the split changes nothing.

    Returns:
        The loss, and the share of all devices' passed tokens that are no padding.
    """
    lengths, supervised = batch.lengths, cfg.supervised

    def plan(share: Sequence[int]) -> list[list[Row]]:
        passes = plan_rows(
            [lengths[i] for i in share],
            supervised.tokens_per_micro_batch,
            is_packed=supervised.packing,
        )
        return [[[share[i] for i in row] for row in rows] for rows in passes]

    weight = 1.0 / float(batch.target_mask.sum())
    sums = torch.zeros(2, dtype=torch.float64)
    devices.meet("the start of an update")
    with devices.waiting_for("the gradient of an update"):
        for forward in planned_passes(devices, lengths, plan):
            loss = _loss_of(policy, batch, forward.rows, cfg) * weight
            if devices.count > 1 and is_vision_trained(policy):
                loss = loss + zero_of(vision_modules(policy))
            # Sharded gradients are averaged over the devices, and are to be summed.
            torch.autograd.backward(loss * (0.0 if forward.is_filler else float(devices.count)))
            if not forward.is_filler:
                sums[0] += float(loss.detach())
            sums[1] += padded_size(forward.rows, lengths)
    total_loss, num_passed = devices.sum(sums, "the losses of all devices").tolist()
    return total_loss, sum(lengths) / num_passed


def _loss_of(policy: PreTrainedModel, batch: Batch, rows: Sequence[Row], cfg: SFTConfig) -> Tensor:
    """Sum of -log p over the target tokens of some rows."""
    with autocast(policy.device, cfg.precision):
        predicted = predict(policy, batch, rows)
        assert predicted.head.bias is None, "no family's output projection has a bias"
        logprobs, _ = chunked_logprobs(
            predicted.states, predicted.head.weight, predicted.tokens, ALL_TOKENS
        )
    return -logprobs.sum()
