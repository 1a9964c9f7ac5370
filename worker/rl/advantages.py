"""From outcome rewards to advantages (pure): token rewards, returns, whitening."""

import torch
from torch import Tensor

from worker.tensors.masking import masked_whiten


def compute_token_rewards(outcome_rewards: Tensor, response_mask: Tensor) -> Tensor:
    """The outcome on the last token of each response, 0 elsewhere (Eq. 4 without KL reward).

    The paper sets the KL reward's coefficient to 0, so the KL acts in the loss alone.

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


def compute_advantages(outcome_rewards: Tensor, response_mask: Tensor, discount: float) -> Tensor:
    """Reinforce++ advantages: returns whitened over all response tokens of the RL step.

    Args:
        outcome_rewards: [B].
        response_mask: [B, R] True on response tokens.
        discount: gamma.

    Returns:
        [B, R] advantages, 0 on padding.
    """
    returns = compute_returns(compute_token_rewards(outcome_rewards, response_mask), discount)
    return masked_whiten(returns, response_mask)
