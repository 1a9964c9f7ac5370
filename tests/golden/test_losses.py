"""Clip and k3, worked out by hand.

Ratios 1.5, 0.5, 1.1 with epsilon 0.2 and advantages +2, -2:

    ratio 1.5, A = +2: -3.0 against -2.4 (held at 1.2)  -> -2.4, clipped
    ratio 0.5, A = +2: -1.0 against -1.6 (held at 0.8)  -> -1.0, free
    ratio 0.5, A = -2: +1.0 against +1.6 (held at 0.8)  -> +1.6, clipped
    ratio 1.5, A = -2: +3.0 against +2.4                -> +3.0, free
    ratio 1.1, A = +2: -2.2 both                        -> -2.2, free

k3 with d = log pi_ref - log pi = ln 2: 2 - 1 - ln 2 = 0.306853;
d = -ln 2: 1/2 - 1 + ln 2 = 0.193147. k1 and k2 of d = ln 2: -ln 2 and (ln 2)^2 / 2.

Sequences: a response whose two tokens have ratios 4 and 1 has the product 4 (RLOO) and the
geometric mean 2 (GSPO). Held at 1.2 with A = +1, the loss of both is -1.2; with A = -1 it is
free: 4 and 2.

CISPO, ratio 8, clip_high 4, A = 3, log pi = ln 1/2: weight 5, loss -5 x 3 x ln 1/2 = 15 ln 2, and
the gradient with respect to log pi is -15: the clip holds the weight, not the gradient.

SAPO at ratio 1: sigmoid(0) = 1/2, loss -A 2/tau; derivative -A x 4/tau x tau x 1/4 = -A.
"""

import math

import pytest
import torch

from worker.rl.losses import (
    KL_LIMIT,
    clipped_surrogate,
    k1_kl,
    k2_kl,
    k3_kl,
    mean_log_ratio,
    sequence_surrogate,
    soft_gate_surrogate,
    sum_log_ratio,
    weighted_logprob_surrogate,
)


def surrogate(ratios, advantages, low=0.2, high=0.2):
    logprobs = torch.tensor([ratios], dtype=torch.float64).log()
    return clipped_surrogate(
        logprobs,
        torch.zeros_like(logprobs),
        torch.tensor([advantages], dtype=torch.float64),
        clip_low=low,
        clip_high=high,
    )


def test_the_clip_holds_only_what_would_go_too_far():
    result = surrogate([1.5, 0.5, 0.5, 1.5, 1.1], [2.0, 2.0, -2.0, -2.0, 2.0])
    expected = torch.tensor([[-2.4, -1.0, 1.6, 3.0, -2.2]], dtype=torch.float64)
    torch.testing.assert_close(result.loss, expected)
    assert result.is_clipped.tolist() == [[True, False, True, False, False]]


def test_the_clip_may_be_higher_above_than_below():
    result = surrogate([1.5, 0.5], [1.0, -1.0], low=0.1, high=0.4)
    torch.testing.assert_close(result.loss, torch.tensor([[-1.4, 0.9]], dtype=torch.float64))


def test_a_clipped_token_gives_no_gradient_and_a_free_one_gives_the_policy_gradient():
    logprobs = torch.tensor([[math.log(1.5), 0.0]], dtype=torch.float64, requires_grad=True)
    result = clipped_surrogate(
        logprobs,
        torch.zeros(1, 2, dtype=torch.float64),
        torch.full((1, 2), 3.0, dtype=torch.float64),
        clip_low=0.2,
        clip_high=0.2,
    )
    result.loss.sum().backward()
    assert logprobs.grad.tolist() == [[0.0, -3.0]]


def test_k3_is_zero_at_equality_and_positive_on_both_sides():
    policy = torch.zeros(1, 3, dtype=torch.float64)
    reference = torch.tensor([[0.0, math.log(2), -math.log(2)]], dtype=torch.float64)
    expected = torch.tensor([[0.0, 1 - math.log(2), math.log(2) - 0.5]], dtype=torch.float64)
    torch.testing.assert_close(k3_kl(policy, reference), expected)


def test_gradient_of_k3_pulls_towards_the_reference():
    """d/d(log pi) of exp(d) - 1 - d is 1 - exp(d): at d = ln 2 it is -1, which raises log pi."""
    policy = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    k3_kl(policy, torch.tensor([math.log(2)], dtype=torch.float64)).sum().backward()
    torch.testing.assert_close(policy.grad, torch.tensor([-1.0], dtype=torch.float64))


def test_k3_of_a_token_that_has_become_impossible_is_held():
    assert float(k3_kl(torch.tensor([-100.0]), torch.tensor([-1.0]))) == KL_LIMIT


def test_k3_without_a_limit_is_not_held():
    assert float(k3_kl(torch.tensor([-5.0]), torch.tensor([0.0]), limit=None)) > 100


def test_k1_and_k2_by_hand():
    policy = torch.zeros(1, dtype=torch.float64)
    reference = torch.tensor([math.log(2)], dtype=torch.float64)
    assert float(k1_kl(policy, reference)) == pytest.approx(-math.log(2))
    assert float(k2_kl(policy, reference)) == pytest.approx(math.log(2) ** 2 / 2)


def test_gradient_of_k1_does_not_know_the_reference_and_that_of_k2_pulls_towards_it():
    """d k1 / d log pi = 1 wherever the reference is; d k2 / d log pi = -d."""
    for difference in (math.log(2), -3.0):
        reference = torch.tensor([difference], dtype=torch.float64)
        for estimate, expected in ((k1_kl, 1.0), (k2_kl, -difference)):
            policy = torch.zeros(1, dtype=torch.float64, requires_grad=True)
            estimate(policy, reference).sum().backward()
            assert policy.grad.tolist() == pytest.approx([expected])


@pytest.mark.parametrize(("log_ratio_of", "ratio"), [(sum_log_ratio, 4.0), (mean_log_ratio, 2.0)])
def test_a_sequence_has_one_ratio_that_is_clipped_as_a_whole(log_ratio_of, ratio):
    policy = torch.tensor([[math.log(4), 0.0, 9.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True, False]])
    log_ratio = log_ratio_of(policy, torch.zeros_like(policy), mask)
    for advantage, expected, is_clipped in ((1.0, -1.2, True), (-1.0, ratio, False)):
        advantages = torch.full((1, 3), advantage, dtype=torch.float64)
        result = sequence_surrogate(log_ratio, advantages, clip_low=0.2, clip_high=0.2)
        assert result.loss.flatten().tolist() == pytest.approx([expected] * 3)
        assert result.ratio.flatten().tolist() == pytest.approx([ratio] * 3)
        assert result.is_clipped.tolist() == [[is_clipped] * 3]


def test_cispo_clips_the_weight_and_keeps_the_gradient():
    policy = torch.tensor([[math.log(0.5)]], dtype=torch.float64, requires_grad=True)
    old = torch.tensor([[math.log(0.5 / 8)]], dtype=torch.float64)
    advantages = torch.tensor([[3.0]], dtype=torch.float64)
    result = weighted_logprob_surrogate(policy, old, advantages, clip_high=4.0)
    result.loss.sum().backward()
    assert result.loss.item() == pytest.approx(15 * math.log(2))
    assert policy.grad.tolist() == [[-15.0]]
    assert result.is_clipped.tolist() == [[True]]


def test_sapo_at_ratio_one_is_the_policy_gradient_with_either_temperature():
    policy = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    advantages = torch.tensor([[3.0, -2.0]], dtype=torch.float64)
    result = soft_gate_surrogate(
        policy, torch.zeros_like(policy), advantages, temperatures=(1.0, 1.05)
    )
    result.loss.sum().backward()
    assert result.loss.flatten().tolist() == pytest.approx([-6.0, 4.0 / 1.05])
    assert policy.grad.flatten().tolist() == pytest.approx([-3.0, 2.0])
