"""Clip and k3, worked out by hand.

Ratios 1.5, 0.5, 1.1 with epsilon 0.2 and advantages +2, -2:

    ratio 1.5, A = +2: -3.0 against -2.4 (held at 1.2)  -> -2.4, clipped
    ratio 0.5, A = +2: -1.0 against -1.6 (held at 0.8)  -> -1.0, free
    ratio 0.5, A = -2: +1.0 against +1.6 (held at 0.8)  -> +1.6, clipped
    ratio 1.5, A = -2: +3.0 against +2.4                -> +3.0, free
    ratio 1.1, A = +2: -2.2 both                        -> -2.2, free

k3 with d = log pi_ref - log pi = ln 2: 2 - 1 - ln 2 = 0.306853;
d = -ln 2: 1/2 - 1 + ln 2 = 0.193147.
"""

import math

import torch

from worker.rl.losses import KL_LIMIT, clipped_surrogate, k3_kl


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
