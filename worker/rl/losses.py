"""The loss (pure): clipped surrogate and k3 KL, per token."""

from dataclasses import dataclass

import torch
from torch import Tensor

KL_LIMIT = 10.0
"""Largest k3 value of a token (the authors' code clamps alike)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenSurrogate:
    """The clipped surrogate of every token."""

    loss: Tensor
    """[B, R] max(-A rho, -A clip(rho))."""
    ratio: Tensor
    """[B, R] rho."""
    is_clipped: Tensor
    """[B, R] True where the clip holds the gradient at 0."""


def clipped_surrogate(
    policy_logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    *,
    clip_low: float,
    clip_high: float,
) -> TokenSurrogate:
    """PPO's clipped surrogate with the sign of a loss (Eq. 1).

    Args:
        policy_logprobs: [B, R] under the policy being updated; carries the gradient.
        old_logprobs: [B, R] under the policy that collected.
        advantages: [B, R].
        clip_low: The ratio is held at no less than 1 - clip_low.
        clip_high: The ratio is held at no more than 1 + clip_high.
    """
    ratio = torch.exp(policy_logprobs - old_logprobs)
    plain = -advantages * ratio
    held = -advantages * ratio.clamp(1 - clip_low, 1 + clip_high)
    return TokenSurrogate(
        loss=torch.maximum(plain, held), ratio=ratio.detach(), is_clipped=(held > plain).detach()
    )


def k3_kl(policy_logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """k3 estimate of KL(policy || reference) per token (Eq. 3; Schulman 2020).

    exp(d) - 1 - d with d = log pi_ref - log pi, held to [0, 10] where a token has become so
    unlikely that the exponential would overrun.

    Args:
        policy_logprobs: [B, R] of sampled tokens.
        reference_logprobs: [B, R] of the same tokens.
    """
    difference = reference_logprobs - policy_logprobs
    return (torch.expm1(difference) - difference).clamp(max=KL_LIMIT)
