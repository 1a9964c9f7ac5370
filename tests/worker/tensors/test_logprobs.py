"""Log-probabilities and entropy."""

import math

import torch

from worker.tensors.logprobs import entropy, processed_logits, token_logprobs
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
