"""The cache of a decoding batch: rows that leave, blocks that run out, windows, other layers."""

from types import SimpleNamespace

import pytest
import torch

from backend.contract.errors import TrainingError
from worker.generation import cache as cache_module
from worker.generation.attention import StepMasks, grouped_sdpa
from worker.generation.cache import DecodingCache

CONFIG = SimpleNamespace(
    model_type="made-here",
    layer_types=["full_attention", "sliding_attention"],
    sliding_window=3,
    num_hidden_layers=2,
)


def column(values):
    """[rows, 1, 1, 1]: one new token of each row."""
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)


def test_rows_that_end_are_overwritten_and_blocks_grow(monkeypatch):
    monkeypatch.setattr(cache_module, "BLOCK", 1)
    cache = DecodingCache(CONFIG)
    prompts = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(2, 1, 2, 1)
    for layer in (0, 1):
        cache.update(prompts, -prompts, layer)
    cache.spread(torch.tensor([0, 0, 1]))
    for layer in (0, 1):
        cache.update(column([10, 11, 12]), column([0, 0, 0]), layer)
    cache.move(torch.tensor([2]), torch.tensor([0]), 2)
    for layer in (0, 1):
        keys, values = cache.update(column([20, 21]), column([5, 6]), layer)
        assert keys.squeeze().tolist() == [[3, 4, 12, 20], [1, 2, 11, 21]]
        assert values.squeeze().tolist() == [[-3, -4, 0, 5], [-1, -2, 0, 6]]
    assert cache.get_seq_length() == 4
    assert cache.num_rows == 2


def test_layers_with_another_past_are_refused_by_name():
    config = SimpleNamespace(model_type="hybrid", layer_types=["linear_attention"])
    with pytest.raises(TrainingError, match=r"hybrid.*linear_attention"):
        DecodingCache(config)


def test_masks_hide_padding_and_what_is_behind_the_window():
    masks = StepMasks(torch.tensor([[False, True], [True, True]]), 4, CONFIG)
    masks.keep(torch.tensor([0]))
    seen = masks.at(2)
    assert isinstance(seen, dict)
    assert (seen["full_attention"] == 0).flatten().tolist() == [False, True, True, True, True]
    assert (seen["sliding_attention"] == 0).flatten().tolist() == [False, False, True, True, True]


def test_grouped_attention_is_that_of_repeated_keys():
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, 4, 1, 8, generator=generator)
    key, value = (torch.randn(2, 2, 5, 8, generator=generator) for _ in range(2))
    mask = torch.zeros(2, 1, 1, 5)
    mask[0, ..., :2] = torch.finfo(torch.float32).min
    ours, _ = grouped_sdpa(None, query, key, value, mask, scaling=0.3)
    repeated = (tensor.repeat_interleave(2, dim=1) for tensor in (key, value))
    scores, theirs = (query @ next(repeated).transpose(-1, -2) * 0.3 + mask), next(repeated)
    torch.testing.assert_close(ours.transpose(1, 2), scores.softmax(-1) @ theirs)
