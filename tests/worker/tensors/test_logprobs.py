"""Log-probabilities and entropy."""

import math

import pytest
import torch

from worker.tensors.logprobs import (
    Distribution,
    chunked_logprobs,
    entropy,
    processed_logits,
    token_logprobs,
)
from worker.tensors.micro_batches import micro_batches


def test_logprobs_of_all_tokens_sum_to_one():
    logits = processed_logits(
        torch.randn(4, 9, generator=torch.Generator().manual_seed(1)), 0.7, ()
    )
    every = torch.stack([token_logprobs(logits, torch.full((4,), v)) for v in range(9)])
    torch.testing.assert_close(every.exp().sum(0), torch.ones(4))


def test_banned_tokens_have_no_probability_and_no_say_in_the_entropy():
    logits = processed_logits(torch.zeros(1, 4), 1.0, [1, 2])
    assert float(token_logprobs(logits, torch.tensor([1]))) == -math.inf
    assert abs(float(entropy(logits)) - math.log(2)) < 1e-6


def test_entropy_of_a_uniform_distribution_is_the_log_of_its_size():
    assert abs(float(entropy(torch.zeros(1, 8))) - math.log(8)) < 1e-6


def test_half_precision_logits_are_widened_before_the_softmax():
    assert processed_logits(torch.zeros(1, 2, dtype=torch.bfloat16), 1.0, ()).dtype == torch.float32


def test_micro_batches_hold_every_row_once_within_the_budget():
    lengths = [5, 50, 7, 30, 30, 8, 120]
    groups = micro_batches(lengths, 100)
    assert sorted(row for group in groups for row in group) == list(range(7))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[row] for row in group) <= 100


BANNED = Distribution(temperature=0.7, banned_token_ids=(1, 4))


def hidden_weight_tokens(dtype=torch.float32, rows=(3, 7), width=8, vocabulary=50):
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(*rows, width, generator=generator, dtype=dtype)
    weight = torch.randn(vocabulary, width, generator=generator, dtype=dtype)
    tokens = torch.randint(5, vocabulary, rows, generator=generator)
    return hidden.requires_grad_(), weight.requires_grad_(), tokens


@pytest.mark.parametrize("chunk_elements", [1, 50 * 4, 2**25])
def test_chunked_logprobs_and_their_gradients_are_those_of_the_whole(chunk_elements):
    hidden, weight, tokens = hidden_weight_tokens()
    processed = processed_logits(hidden @ weight.t(), BANNED.temperature, BANNED.banned_token_ids)
    allowed = [v for v in range(50) if v not in BANNED.banned_token_ids]
    whole = token_logprobs(processed, tokens), entropy(processed[..., allowed])
    chunked = chunked_logprobs(
        hidden, weight, tokens, BANNED, with_entropy=True, chunk_elements=chunk_elements
    )
    generator = torch.Generator().manual_seed(4)
    factors = [torch.randn(tokens.shape, generator=generator) for _ in range(2)]
    gradients = [
        torch.autograd.grad(
            (values[0] * factors[0]).sum() + (values[1] * factors[1]).sum(),
            [hidden, weight],
        )
        for values in (whole, chunked)
    ]
    for ours, theirs in zip(chunked, whole, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    for ours, theirs in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_gradients_of_chunked_logprobs_are_those_of_finite_differences():
    hidden, weight, tokens = hidden_weight_tokens(torch.float64, rows=(5,), width=3, vocabulary=9)

    def both(hidden, weight):
        return chunked_logprobs(
            hidden, weight, tokens, BANNED, with_entropy=True, chunk_elements=18
        )

    assert torch.autograd.gradcheck(both, (hidden, weight))


def test_a_frozen_output_projection_gets_no_gradient():
    hidden, weight, tokens = hidden_weight_tokens()
    weight.requires_grad_(False)
    logprobs, entropies = chunked_logprobs(hidden, weight, tokens, BANNED)
    logprobs.sum().backward()
    assert weight.grad is None
    assert hidden.grad is not None
    assert entropies.eq(0).all()


def test_half_precision_hidden_states_give_wide_logprobs():
    hidden, weight, tokens = hidden_weight_tokens()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = torch.nn.functional.linear(hidden, weight)
        logprobs, _ = chunked_logprobs(hidden, weight, tokens, BANNED)
    whole = token_logprobs(processed_logits(logits, 0.7, (1, 4)), tokens)
    assert logprobs.dtype == torch.float32
    torch.testing.assert_close(logprobs, whole, atol=1e-5, rtol=0)
    logprobs.sum().backward()
    assert hidden.grad is not None
    assert hidden.grad.dtype == torch.float32
