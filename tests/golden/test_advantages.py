"""Token rewards, returns and whitening, worked out by hand.

Two responses of 3 and 2 tokens, rewards 1 and 0, discount 1/2:

    token rewards   [0, 0, 1]        [0, 0, -]
    returns         [1/4, 1/2, 1]    [0, 0, -]

Whitening of the five values 1/4, 1/2, 1, 0, 0: mean = 1.75 / 5 = 0.35; squared deviations
0.01 + 0.0225 + 0.4225 + 0.1225 + 0.1225 = 0.7; Bessel variance 0.7 / 4 = 0.175;
1 / sqrt(0.175) = 2.390457...

Groups: four responses of 1, 2, 1, 1 tokens to two prompts, rewards 1, 0 and 1, 1.

    less the group's mean      1/2, -1/2, 0, 0
    GRPO                       Bessel deviation sqrt(1/2): +-0.5 / (sqrt(0.5) + 1e-4), 0, 0
    RLOO                       1 - 0, 0 - 1, 1 - 1, 1 - 1
    Reinforce++-baseline       whitening of the five tokens 1/2, -1/2, -1/2, 0, 0: mean -0.1,
                               squared deviations 0.36 + 2 x 0.16 + 2 x 0.01 = 0.7 as above

KL in the reward, coefficient 0.1 and estimates 1, 2, outcome 1 (Eq. 4, 5 with gamma 1):

    token rewards   -0.1, 1 - 0.2 = 0.8
    returns         0.7, 0.8
"""

import pytest
import torch

from worker.rl.advantages import (
    RewardSignal,
    centred_in_group,
    compute_returns,
    compute_token_rewards,
    leave_one_out,
    legacy_advantages,
    standardised_in_group,
    whitened_group_returns,
    whitened_returns,
)
from worker.tensors.masking import masked_mean, masked_whiten

MASK = torch.tensor([[True, True, True], [True, True, False]])
OUTCOMES = torch.tensor([1.0, 0.0], dtype=torch.float64)
GROUP_MASK = torch.tensor([[True, False], [True, True], [True, False], [True, False]])
GROUP_OUTCOMES = torch.tensor([1.0, 0.0, 1.0, 1.0], dtype=torch.float64)


def signal(outcomes=OUTCOMES, mask=MASK, kl_rewards=None, **settings):
    return RewardSignal(
        outcome_rewards=outcomes, kl_rewards=kl_rewards, response_mask=mask, **settings
    )


def grouped():
    return signal(GROUP_OUTCOMES, GROUP_MASK, responses_per_prompt=2)


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
    advantages = whitened_returns(signal(discount=0.5))
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


def test_maye_legacy_adds_the_mean_back_where_reinforce_plus_plus_does_not():
    """30 % right, equal lengths: +1.83 and -0.35 against +1.53 and -0.65."""
    outcomes = torch.tensor([1.0] * 300 + [0.0] * 700, dtype=torch.float64)
    step = signal(outcomes, torch.ones(1000, 2, dtype=torch.bool))
    legacy, ours = legacy_advantages(step), whitened_returns(step)
    assert [round(float(legacy[row, 0]), 2) for row in (0, -1)] == [1.83, -0.35]
    assert [round(float(ours[row, 0]), 2) for row in (0, -1)] == [1.53, -0.65]


def test_maye_legacy_whitens_every_slice_by_itself():
    """Slices 1, 0 and 5, 3: means 1/2 and 4, Bessel deviations sqrt(1/2) and sqrt(2)."""
    step = signal(
        torch.tensor([1.0, 0.0, 5.0, 3.0], dtype=torch.float64),
        torch.ones(4, 1, dtype=torch.bool),
        num_slices=2,
    )
    root = 0.5**0.5
    expected = [0.5 + root, 0.5 - root, 4 + root, 4 - root]
    assert legacy_advantages(step).flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_maye_legacy_leaves_padding_at_zero():
    assert float(legacy_advantages(signal())[1, 2]) == 0.0


def test_grpo_divides_by_the_groups_deviation():
    value = 0.5 / (0.5**0.5 + 1e-4)
    expected = torch.tensor(
        [[value, 0.0], [-value, -value], [0.0, 0.0], [0.0, 0.0]], dtype=torch.float64
    )
    torch.testing.assert_close(standardised_in_group(grouped()), expected)


def test_dr_grpo_only_takes_the_groups_mean_off():
    expected = [[0.5, 0.0], [-0.5, -0.5], [0.0, 0.0], [0.0, 0.0]]
    assert centred_in_group(grouped()).tolist() == expected


def test_rloo_compares_with_the_other_responses():
    assert leave_one_out(grouped()).tolist() == [[1.0, 0.0], [-1.0, -1.0], [0.0, 0.0], [0.0, 0.0]]


def test_the_baseline_of_reinforce_plus_plus_is_the_group_and_its_scale_the_step():
    scale = 0.175**-0.5
    expected = torch.tensor([[0.6, 0.0], [-0.4, -0.4], [0.1, 0.0], [0.1, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(
        whitened_group_returns(grouped()), expected * scale, atol=1e-6, rtol=0
    )


def test_the_kl_reward_joins_the_outcome_token_by_token():
    step = signal(
        torch.tensor([1.0], dtype=torch.float64),
        torch.ones(1, 2, dtype=torch.bool),
        kl_rewards=torch.tensor([[-0.1, -0.2]], dtype=torch.float64),
    )
    assert step.token_rewards.flatten().tolist() == pytest.approx([-0.1, 0.8])
    assert step.returns.flatten().tolist() == pytest.approx([0.7, 0.8])
    assert float(step.response_rewards) == pytest.approx(0.7)
