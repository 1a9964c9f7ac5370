"""Terms of the loss (pure): surrogates of the algorithms, and estimates of the KL, per token.

Every surrogate takes [B, R] log-probabilities with 0 on padding, and gives what a loss wants small.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from backend.contract.config.algorithm import KLEstimator

KL_LIMIT = 10.0
"""Largest k3 value of a token; the authors' code clamps the mean alike."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenSurrogate:
    """The surrogate of every token."""

    loss: Tensor
    """[B, R] with gradient; of a sequence-level algorithm the response's loss at each token."""
    ratio: Tensor
    """[B, R] rho, of the token or of its whole response."""
    is_clipped: Tensor
    """[B, R] True where the clip holds the ratio (PPO: and with it the gradient, at 0)."""


def clipped_surrogate(
    policy_logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    *,
    clip_low: float,
    clip_high: float,
) -> TokenSurrogate:
    """PPO's clipped surrogate with the sign of a loss (Eq. 1): max(-A rho, -A clip(rho)).

    Args:
        policy_logprobs: [B, R] under the policy being updated; carries the gradient.
        old_logprobs: [B, R] under the policy that collected.
        advantages: [B, R].
        clip_low: The ratio is held at no less than 1 - clip_low.
        clip_high: The ratio is held at no more than 1 + clip_high.
    """
    return _clip(torch.exp(policy_logprobs - old_logprobs), advantages, 1 - clip_low, 1 + clip_high)


def sequence_surrogate(
    log_ratio: Tensor, advantages: Tensor, *, clip_low: float, clip_high: float
) -> TokenSurrogate:
    """The clipped surrogate with one ratio for each response.

    Args:
        log_ratio: [B, 1] of the whole response, `mean_log_ratio` or `sum_log_ratio`.
        advantages: [B, R], the same at every token of a response.
        clip_low: The ratio is held at no less than 1 - clip_low.
        clip_high: The ratio is held at no more than 1 + clip_high.
    """
    ratio = torch.exp(log_ratio).expand_as(advantages)
    return _clip(ratio, advantages, 1 - clip_low, 1 + clip_high)


def sum_log_ratio(policy_logprobs: Tensor, old_logprobs: Tensor, mask: Tensor) -> Tensor:
    """[B, 1] log of the ratio of the responses' probabilities."""
    return ((policy_logprobs - old_logprobs) * mask).sum(dim=1, keepdim=True)


def mean_log_ratio(policy_logprobs: Tensor, old_logprobs: Tensor, mask: Tensor) -> Tensor:
    """[B, 1] `sum_log_ratio` per token (GSPO, arXiv 2507.18071, Eq. 7)."""
    count = mask.sum(dim=1, keepdim=True)
    return sum_log_ratio(policy_logprobs, old_logprobs, mask) / count


def weighted_logprob_surrogate(
    policy_logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, *, clip_high: float
) -> TokenSurrogate:
    """CISPO (arXiv 2506.13585, Eq. 4-5): -sg(min(rho, 1 + epsilon)) A log pi.

    The clip holds the weight, not the gradient: no token is left out.

    Args:
        policy_logprobs: [B, R] under the policy being updated; carries the gradient.
        old_logprobs: [B, R] under the policy that collected.
        advantages: [B, R].
        clip_high: The weight is held at no more than 1 + clip_high.
    """
    ratio = torch.exp(policy_logprobs - old_logprobs).detach()
    loss = -ratio.clamp(max=1 + clip_high) * advantages * policy_logprobs
    return TokenSurrogate(loss=loss, ratio=ratio, is_clipped=ratio > 1 + clip_high)


def soft_gate_surrogate(
    policy_logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    *,
    temperatures: tuple[float, float],
) -> TokenSurrogate:
    """SAPO (arXiv 2511.20347): -A 4/tau sigmoid(tau (rho - 1)), a clip without an edge.

    Args:
        policy_logprobs: [B, R] under the policy being updated; carries the gradient.
        old_logprobs: [B, R] under the policy that collected.
        advantages: [B, R].
        temperatures: tau where the advantage is positive, and elsewhere.
    """
    ratio = torch.exp(policy_logprobs - old_logprobs)
    positive, other = (torch.full_like(advantages, tau) for tau in temperatures)
    tau = torch.where(advantages > 0, positive, other)
    loss = -advantages * torch.sigmoid(tau * (ratio - 1)) * 4 / tau
    return TokenSurrogate(
        loss=loss, ratio=ratio.detach(), is_clipped=torch.zeros_like(ratio, dtype=torch.bool)
    )


def _clip(ratio: Tensor, advantages: Tensor, floor: float, ceiling: float) -> TokenSurrogate:
    plain = -advantages * ratio
    held = -advantages * ratio.clamp(floor, ceiling)
    return TokenSurrogate(
        loss=torch.maximum(plain, held), ratio=ratio.detach(), is_clipped=(held > plain).detach()
    )


def k1_kl(policy_logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """k1 estimate of KL(policy || reference) per token: log pi - log pi_ref (Schulman 2020).

    Without bias, but of any sign. In a loss its gradient is that of log pi alone, whose mean is 0:
    it adds noise and does not hold the policy back. Its place is the reward.

    Args:
        policy_logprobs: [B, R] of sampled tokens.
        reference_logprobs: [B, R] of the same tokens.
    """
    return policy_logprobs - reference_logprobs


def k2_kl(policy_logprobs: Tensor, reference_logprobs: Tensor) -> Tensor:
    """k2 estimate per token: (log pi - log pi_ref)^2 / 2.

    Its value is biased, but in a loss the gradient is in the mean that of the KL itself. In a
    reward it punishes tokens that became less likely as much as those that became more likely.

    Args:
        policy_logprobs: [B, R] of sampled tokens.
        reference_logprobs: [B, R] of the same tokens.
    """
    return (policy_logprobs - reference_logprobs).square() / 2


def k3_kl(
    policy_logprobs: Tensor, reference_logprobs: Tensor, *, limit: float | None = KL_LIMIT
) -> Tensor:
    """k3 estimate of KL(policy || reference) per token (Eq. 3; Schulman 2020).

    exp(d) - 1 - d with d = log pi_ref - log pi, held to [0, limit] where a token has become so
    unlikely that the exponential would overrun. Its value has no bias; in a loss its gradient is
    in the mean that of KL(reference || policy).

    Args:
        policy_logprobs: [B, R] of sampled tokens.
        reference_logprobs: [B, R] of the same tokens.
        limit: Largest value of a token; None for no limit.
    """
    difference = reference_logprobs - policy_logprobs
    estimate = torch.expm1(difference) - difference
    return estimate if limit is None else estimate.clamp(max=limit)


KL_ESTIMATES: Mapping[KLEstimator, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {"k1": k1_kl, "k2": k2_kl, "k3": k3_kl}
)
"""The estimates by name; each takes log-probabilities under policy and reference."""
