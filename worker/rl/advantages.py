"""From rewards to advantages (pure): token rewards, returns, whitening, groups."""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.tensors.masking import masked_mean, masked_whiten

GROUP_EPSILON = 1e-4
"""Added to a group's standard deviation, as in TRL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardSignal:
    """What a whole RL step was rewarded with; rows are prompt by prompt."""

    outcome_rewards: Tensor
    """[B] reward of each response."""
    kl_rewards: Tensor | None
    """[B, R] minus the weighted KL of each token (Eq. 4); None when the KL acts in the loss."""
    response_mask: Tensor
    """[B, R] True on response tokens."""
    discount: float = 1.0
    """gamma."""
    responses_per_prompt: int = 1
    """Rows that answer the same prompt, side by side."""
    num_slices: int = 1
    """Equal slices of the rows that maye_legacy whitens apart."""

    @property
    def token_rewards(self) -> Tensor:
        """[B, R] outcome at the last token, KL reward at every token (Eq. 4)."""
        return self.with_outcomes(self.outcome_rewards)

    @property
    def returns(self) -> Tensor:
        """[B, R] return-to-go (Eq. 5)."""
        return compute_returns(self.token_rewards, self.discount)

    @property
    def response_rewards(self) -> Tensor:
        """[B] sum of each response's token rewards."""
        return self.token_rewards.sum(dim=1)

    def with_outcomes(self, outcomes: Tensor) -> Tensor:
        """[B, R] token rewards with other outcomes [B]."""
        rewards = compute_token_rewards(outcomes, self.response_mask)
        return rewards if self.kl_rewards is None else rewards + self.kl_rewards

    def groups(self, values: Tensor) -> Tensor:
        """[prompts, responses_per_prompt] of [B] values."""
        return values.view(-1, self.responses_per_prompt)

    def at_every_token(self, values: Tensor) -> Tensor:
        """[B, R] of [B] values; 0 on padding."""
        return values.flatten().unsqueeze(1) * self.response_mask


def compute_token_rewards(outcome_rewards: Tensor, response_mask: Tensor) -> Tensor:
    """The outcome on the last token of each response, 0 elsewhere (Eq. 4 without KL reward).

    Args:
        outcome_rewards: [B] reward of each response.
        response_mask: [B, R] True on response tokens.

    Returns:
        [B, R] token rewards.
    """
    last_index = response_mask.sum(dim=1, keepdim=True) - 1
    rewards = torch.zeros(
        response_mask.shape, dtype=outcome_rewards.dtype, device=response_mask.device
    )
    return rewards.scatter(1, last_index, outcome_rewards.unsqueeze(1))


def compute_returns(token_rewards: Tensor, discount: float) -> Tensor:
    """Return-to-go of every response token (Eq. 5): G_t = r_t + gamma * G_{t+1}.

    Args:
        token_rewards: [B, R].
        discount: gamma in [0, 1].

    Returns:
        [B, R] returns.
    """
    returns = torch.zeros_like(token_rewards)
    following = torch.zeros_like(token_rewards[:, 0])
    for index in reversed(range(token_rewards.shape[1])):
        following = token_rewards[:, index] + discount * following
        returns[:, index] = following
    return returns


def whitened_returns(signal: RewardSignal) -> Tensor:
    """Reinforce++: returns whitened over all response tokens of the step (arXiv 2501.03262).

    Returns:
        [B, R] advantages, 0 on padding.
    """
    return masked_whiten(signal.returns, signal.response_mask)


def legacy_advantages(signal: RewardSignal) -> Tensor:
    """The authors' code: returns whitened over each rank's tokens, the mean added back.

    (G - mean) / sqrt(var + 1e-8) + mean with Bessel's variance, rank by rank: a flag of the
    whitening is read the wrong way round there. Here a rank is a slice of consecutive rows.

    Returns:
        [B, R] advantages, 0 on padding.
    """
    returns = signal.returns.chunk(signal.num_slices)
    masks = signal.response_mask.chunk(signal.num_slices)
    parts = [
        (masked_whiten(values, mask) + masked_mean(values, mask)) * mask
        for values, mask in zip(returns, masks, strict=True)
    ]
    return torch.cat(parts)


def whitened_group_returns(signal: RewardSignal) -> Tensor:
    """Reinforce++-baseline: the group's mean outcome is taken off, then returns are whitened.

    The group's deviation is not divided by; the whole step's is (arXiv 2501.03262).

    Returns:
        [B, R] advantages, 0 on padding.
    """
    groups = signal.groups(signal.outcome_rewards)
    centred = groups - groups.mean(dim=1, keepdim=True)
    returns = compute_returns(signal.with_outcomes(centred.flatten()), signal.discount)
    return masked_whiten(returns, signal.response_mask)


def standardised_in_group(signal: RewardSignal) -> Tensor:
    """GRPO: (r - group's mean) / (group's standard deviation + 1e-4) (arXiv 2402.03300).

    The deviation has Bessel's correction. The epsilon is TRL's; the paper has none.

    Returns:
        [B, R] advantages, 0 on padding.
    """
    groups = signal.groups(signal.response_rewards)
    deviation = groups.std(dim=1, keepdim=True)
    centred = groups - groups.mean(dim=1, keepdim=True)
    return signal.at_every_token(centred / (deviation + GROUP_EPSILON))


def centred_in_group(signal: RewardSignal) -> Tensor:
    """Dr. GRPO: r - group's mean (arXiv 2503.20783).

    Returns:
        [B, R] advantages, 0 on padding.
    """
    groups = signal.groups(signal.response_rewards)
    return signal.at_every_token(groups - groups.mean(dim=1, keepdim=True))


def leave_one_out(signal: RewardSignal) -> Tensor:
    """RLOO: r - mean of the group's other responses (arXiv 2402.14740).

    Returns:
        [B, R] advantages, 0 on padding.
    """
    groups = signal.groups(signal.response_rewards)
    others = (groups.sum(dim=1, keepdim=True) - groups) / (groups.shape[1] - 1)
    return signal.at_every_token(groups - others)
