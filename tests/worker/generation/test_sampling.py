"""Drawing tokens."""

import torch

from worker.generation.sampling import sample_tokens, uniform_stream


def draw(logits, count=20000, top_p=1.0):
    rows = logits.expand(count, -1)
    return sample_tokens(rows, uniform_stream(("test", 1), count), torch.full((count,), top_p))


def test_frequencies_follow_the_distribution():
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    counts = draw(probabilities.log().unsqueeze(0)).bincount(minlength=4) / 20000
    torch.testing.assert_close(counts, probabilities, atol=0.012, rtol=0)


def test_a_nucleus_keeps_the_smallest_set_that_reaches_its_mass():
    probabilities = torch.tensor([0.15, 0.5, 0.3, 0.05])
    drawn = set(draw(probabilities.log().unsqueeze(0), top_p=0.7).tolist())
    assert drawn == {1, 2}


def test_a_tiny_nucleus_is_greedy():
    logits = torch.tensor([[0.1, 0.3, 0.2]])
    assert set(draw(logits, count=200, top_p=0.001).tolist()) == {1}


def test_a_banned_token_is_never_drawn_even_at_the_edge():
    logits = torch.tensor([[float("-inf"), 0.0, float("-inf")]])
    for uniform in (0.0, 0.5, 1 - 2**-53):
        token = sample_tokens(logits, torch.tensor([uniform], dtype=torch.float64), torch.ones(1))
        assert token.tolist() == [1]


def test_streams_are_named_and_repeatable():
    assert torch.equal(
        uniform_stream((0, 1, "a", "b", 2), 5), uniform_stream((0, 1, "a", "b", 2), 5)
    )
    assert not torch.equal(uniform_stream((0, 1, "x"), 5), uniform_stream((0, 1, "y"), 5))
    assert not torch.equal(uniform_stream((1, 11, "x"), 5), uniform_stream((11, 1, "x"), 5))
