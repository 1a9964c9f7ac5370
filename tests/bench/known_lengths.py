"""Responses of known lengths, by the same rule for our engine and for `generate`.

No end-of-text before the given length, and none but it there. What each does with a row that has
ended is its own. Tokens that stand for pictures are left out on both sides.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from transformers import LogitsProcessor

from worker.generation import transformers_engine
from worker.generation.sampling import sample_tokens, uniform_stream
from worker.modeling.loading import Processor

LAST = 2.0
"""Stands in a row's random numbers where its response ends; a true one is below 1."""


@contextmanager
def known_lengths(processor: Processor, lengths: Sequence[int]) -> Iterator[None]:
    """Our engine's own sampling, with the ends laid down: row i has `lengths[i]` tokens."""
    ends = torch.tensor(processor.end_token_ids)
    left = iter(lengths)

    def marked_stream(parts: Sequence[str | int], count: int) -> Tensor:
        stream = uniform_stream(parts, count)
        stream[next(left) - 1] = LAST
        return stream

    def sample(logits: Tensor, uniform: Tensor, top_p: Tensor) -> Tensor:
        drawn = sample_tokens(logits.index_fill(-1, ends, float("-inf")), uniform, top_p)
        return torch.where(uniform == LAST, ends[0], drawn)

    with (
        patch.object(transformers_engine, "uniform_stream", marked_stream),
        patch.object(transformers_engine, "sample_tokens", sample),
    ):
        yield


class KnownLengths(LogitsProcessor):
    """The same for one call of `generate`."""

    def __init__(self, processor: Processor, lengths: Sequence[int]) -> None:
        """Prepare for rows of these lengths."""
        self._ends = torch.tensor(processor.end_token_ids)
        self._banned = torch.tensor([*processor.banned_token_ids, *processor.end_token_ids])
        self._lengths = torch.tensor(list(lengths))
        self._prompt: int | None = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores with the rule applied."""
        if self._prompt is None:
            self._prompt = input_ids.shape[1]
        scores = scores.index_fill(-1, self._banned, float("-inf"))
        is_last = self._lengths == input_ids.shape[1] - self._prompt + 1
        scores[is_last] = float("-inf")
        scores[is_last, self._ends[0]] = 0.0
        return scores
