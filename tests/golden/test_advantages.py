"""Token rewards, returns and whitening, worked out by hand.

Two responses of 3 and 2 tokens, rewards 1 and 0, discount 1/2:

    token rewards   [0, 0, 1]        [0, 0, -]
    returns         [1/4, 1/2, 1]    [0, 0, -]

Whitening of the five values 1/4, 1/2, 1, 0, 0: mean = 1.75 / 5 = 0.35; squared deviations
0.01 + 0.0225 + 0.4225 + 0.1225 + 0.1225 = 0.7; Bessel variance 0.7 / 4 = 0.175;
1 / sqrt(0.175) = 2.390457...
"""

import torch

from worker.rl.advantages import compute_advantages, compute_returns, compute_token_rewards
from worker.tensors.masking import masked_mean, masked_whiten

MASK = torch.tensor([[True, True, True], [True, True, False]])
OUTCOMES = torch.tensor([1.0, 0.0], dtype=torch.float64)


def test_outcome_lands_on_the_last_token_of_each_response():
    rewards = compute_token_rewards(torch.tensor([1.0, -0.1]), MASK)
    assert torch.equal(rewards, torch.tensor([[0.0, 0.0, 1.0], [0.0, -0.1, 0.0]]))


def test_returns_are_discounted_backwards():
    returns = compute_returns(compute_token_rewards(OUTCOMES, MASK), 0.5)
    expected = torch.tensor([[0.25, 0.5, 1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    assert torch.equal(returns, expected)


def test_without_discount_every_token_carries_the_outcome():
    returns = compute_returns(compute_token_rewards(OUTCOMES, MASK), 1.0)
    assert torch.equal(returns[0], torch.ones(3, dtype=torch.float64))


def test_advantages_are_whitened_over_the_whole_batch_and_keep_no_mean():
    advantages = compute_advantages(OUTCOMES, MASK, 0.5)
    scale = 0.175**-0.5
    expected = torch.tensor([[-0.1, 0.15, 0.65], [-0.35, -0.35, 0.0]], dtype=torch.float64) * scale
    torch.testing.assert_close(advantages, expected, atol=1e-6, rtol=0)
    assert abs(float(masked_mean(advantages, MASK))) < 1e-12


def test_whitening_thirty_per_cent_right_gives_the_published_values():
    """30 % right, equal lengths: +1.53 and -0.65 (the authors' code gives +1.83 and -0.35)."""
    values = torch.tensor([[1.0]] * 300 + [[0.0]] * 700, dtype=torch.float64)
    white = masked_whiten(values, torch.ones_like(values, dtype=torch.bool))
    assert round(float(white[0]), 2) == 1.53
    assert round(float(white[-1]), 2) == -0.65


def test_padding_never_takes_part_in_whitening():
    values = torch.tensor([[1.0, 2.0, 1e9]], dtype=torch.float64)
    white = masked_whiten(values, torch.tensor([[True, True, False]]))
    torch.testing.assert_close(
        white, torch.tensor([[-(0.5**0.5), 0.5**0.5, 0.0]], dtype=torch.float64)
    )


def test_equal_rewards_give_no_advantage_and_no_nan():
    values = torch.ones(2, 2)
    assert torch.equal(masked_whiten(values, torch.ones(2, 2, dtype=torch.bool)), torch.zeros(2, 2))
