"""Drawing tokens by the inverse of the cumulative distribution, from streams named by their use."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

SAMPLING_ROWS = 256
"""Rows sorted or summed at a time: bounds the memory of a large vocabulary."""


def stream_key(parts: Sequence[str | int]) -> int:
    """The 128-bit number of a random stream, a pure function of its name's parts."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "big")


def uniform_stream(parts: Sequence[str | int], count: int) -> Tensor:
    """[count] uniform numbers in [0, 1), fp64, a pure function of the parts.

    A counter-based generator (Philox, Salmon et al. 2011) keyed by a hash of the parts, so that no
    random state has to be saved or shared.
    """
    generator = np.random.Generator(np.random.Philox(key=stream_key(parts)))
    return torch.from_numpy(generator.random(count))


def sample_tokens(logits: Tensor, uniform: Tensor, top_p: Tensor) -> Tensor:
    """One token per row, by inverting the cumulative distribution at a uniform number.

    Args:
        logits: [B, V] processed logits.
        uniform: [B] in [0, 1), fp64.
        top_p: [B] nucleus probability; the most probable token always stays.

    Returns:
        [B] token ids; a token of probability 0 is never returned.
    """
    parts = [
        _sample_rows(logits[start:stop], uniform[start:stop], top_p[start:stop])
        for start, stop in _spans(len(logits))
    ]
    return torch.cat(parts)


def _spans(num_rows: int) -> list[tuple[int, int]]:
    starts = range(0, num_rows, SAMPLING_ROWS)
    return [(start, min(start + SAMPLING_ROWS, num_rows)) for start in starts]


def _sample_rows(logits: Tensor, uniform: Tensor, top_p: Tensor) -> Tensor:
    probabilities = torch.softmax(logits, dim=-1)
    likeliest, greedy = probabilities.max(dim=-1)
    if bool((likeliest >= top_p).all()):
        # Each nucleus is one token. So it is in greedy decoding, which thus needs no sorting.
        return greedy
    if bool((top_p < 1.0).any()):
        probabilities = _nucleus(probabilities, top_p)
    cumulative = probabilities.double().cumsum(dim=-1)
    total = cumulative[:, -1:]
    # The last token with any probability: rounding must not step past it.
    last_index = (cumulative < total).sum(dim=-1)
    chosen = torch.searchsorted(cumulative, uniform.unsqueeze(-1) * total, right=True).squeeze(-1)
    return torch.minimum(chosen, last_index)


def _nucleus(probabilities: Tensor, top_p: Tensor) -> Tensor:
    ordered, order = probabilities.sort(dim=-1, descending=True)
    mass_before = ordered.cumsum(dim=-1) - ordered
    kept = torch.where(mass_before < top_p.to(ordered.dtype).unsqueeze(-1), ordered, 0.0)
    return torch.zeros_like(probabilities).scatter(-1, order, kept)
