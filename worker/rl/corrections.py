"""An engine whose probabilities differ from the trainer's (pure): weights and drift.

The responses were sampled by the engine, the gradient is the trainer's. Importance sampling makes
up for it; that its weights are cut keeps the variance bounded (truncated importance sampling,
Ionides 2008; Yao et al. 2025, "Your Efficient RL Framework Secretly Brings You Off-Policy RL
Training").
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from backend.contract.config import MismatchConfig
from worker.rl.losses import k3_kl
from worker.tensors.masking import masked_mean

LARGEST_LOG_WEIGHT = 100.0
"""Where measured log-weights are held, so that a response that the trainer finds e^700 times as
likely leaves the means finite."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """How far engine and trainer are apart over a step's response tokens."""

    mean: float
    """Mean |difference| of log-probabilities, in nats."""
    largest: float
    """Largest |difference|, in nats."""
    kl: float
    """Mean k3 estimate of KL(engine || trainer), in nats; held at 10 a token."""
    importance_weight: float
    """Mean weight before it is cut."""
    effective_sample_frac: float
    """(sum w)^2 / (n sum w^2) of the weights before they are cut."""
    corrected_frac: float
    """Share of weights cut or set to 0; 0 without a correction."""


def importance_weights(
    policy_logprobs: Tensor, rollout_logprobs: Tensor, mask: Tensor, cfg: MismatchConfig
) -> Tensor | None:
    """The factor of every token's surrogate loss; without gradient.

    w = pi_trainer / pi_engine of the token, or of its whole response. `truncate` holds w at the
    limit; `mask` sets w to 0 above the limit and below its inverse.

    Args:
        policy_logprobs: [B, R] under the trainer's policy, before the step's updates.
        rollout_logprobs: [B, R] under the engine's policy.
        mask: [B, R] True on response tokens.
        cfg: Correction, level and limit.

    Returns:
        [B, R] weights, 0 on padding; None without a correction.
    """
    if cfg.correction == "none":
        return None
    weights = torch.exp(_log_weights(policy_logprobs, rollout_logprobs, mask, cfg))
    if cfg.correction == "truncate":
        weights = weights.clamp(max=cfg.correction_limit)
    else:
        weights = weights.masked_fill(_is_beyond(weights, cfg), 0.0)
    return weights.expand_as(mask) * mask


def measure_drift(
    policy_logprobs: Tensor, rollout_logprobs: Tensor, mask: Tensor, cfg: MismatchConfig
) -> Drift:
    """The drift of a step; arguments as for `importance_weights`."""
    difference = (policy_logprobs - rollout_logprobs)[mask].abs()
    log_weights = _log_weights(policy_logprobs, rollout_logprobs, mask, cfg).double()
    log_weights = log_weights[mask] if cfg.correction_level == "token" else log_weights
    log_weights = log_weights.clamp(max=LARGEST_LOG_WEIGHT)
    weights = torch.exp(log_weights)
    return Drift(
        mean=float(difference.mean()),
        largest=float(difference.max()),
        kl=float(masked_mean(k3_kl(rollout_logprobs, policy_logprobs), mask)),
        importance_weight=float(weights.mean()),
        effective_sample_frac=float(
            weights.sum().square() / (weights.numel() * weights.square().sum())
        ),
        corrected_frac=float(_is_beyond(weights, cfg).double().mean()),
    )


def _log_weights(
    policy_logprobs: Tensor, rollout_logprobs: Tensor, mask: Tensor, cfg: MismatchConfig
) -> Tensor:
    """[B, R] or, by sequence, [B, 1] log of the weights before they are cut."""
    difference = ((policy_logprobs - rollout_logprobs) * mask).detach()
    if cfg.correction_level == "sequence":
        return difference.sum(dim=1, keepdim=True)
    return difference


def _is_beyond(weights: Tensor, cfg: MismatchConfig) -> Tensor:
    """True where the correction cuts a weight or sets it to 0."""
    if cfg.correction == "none":
        return torch.zeros_like(weights, dtype=torch.bool)
    is_above = weights > cfg.correction_limit
    if cfg.correction == "truncate":
        return is_above
    return is_above | (weights < 1 / cfg.correction_limit)
