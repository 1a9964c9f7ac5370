"""Our decoding loop against transformers' `generate`: the same tokens, turn by turn.

Both are greedy and are told how long each response is by the same rule: no end-of-text before
the given length, and none but it there. What each does with a row that has ended is its own.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from transformers import LogitsProcessor

from tests.bench.workload import MAX_TOKENS, Workload, fixed_lengths, load_workload, varying_lengths
from worker.generation import transformers_engine
from worker.generation.engine import Decoding
from worker.generation.sampling import sample_tokens, uniform_stream
from worker.generation.transformers_engine import TransformersEngine
from worker.modeling.forward import picture_inputs

ROUNDS = 7
GREEDY = Decoding(num_samples=1, temperature=0.01, top_p=0.001, stream="bench")
LAST = 2.0
"""Stands in a row's random numbers where its response ends; a true one is below 1."""


@contextmanager
def known_lengths(work: Workload, lengths: Sequence[int]) -> Iterator[None]:
    """Make our engine's responses as long as this: its own sampling, with the ends laid down."""
    ends = torch.tensor(work.processor.end_token_ids)
    lengths_by_key = dict(zip(work.prompts.keys, lengths, strict=True))

    def marked_stream(parts: Sequence[str | int], count: int) -> Tensor:
        stream = uniform_stream(parts, count)
        stream[lengths_by_key[str(parts[3])] - 1] = LAST
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
    """The same rule for `generate`."""

    def __init__(self, work: Workload, lengths: Sequence[int]) -> None:
        self._ends = torch.tensor(work.processor.end_token_ids)
        self._lengths = torch.tensor(lengths)
        self._prompt = work.prompts.input_ids.shape[1]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        scores = scores.index_fill(-1, self._ends, float("-inf"))
        is_last = self._lengths == input_ids.shape[1] - self._prompt + 1
        scores[is_last] = float("-inf")
        scores[is_last, self._ends[0]] = 0.0
        return scores


def respond(work: Workload, lengths: Sequence[int]) -> Tensor:
    """[B, R] tokens of our engine."""
    engine = TransformersEngine(work.policy, work.processor, seed=0)
    with known_lengths(work, lengths):
        [responses] = engine.generate(work.prompts, [GREEDY], rl_step=0, max_tokens=max(lengths))
    return responses.tokens


@torch.no_grad()
def generate(work: Workload, lengths: Sequence[int]) -> Tensor:
    """[B, R] tokens of transformers' `generate`."""
    policy: Any = work.policy
    grids = [p.grid for p in work.prompts.pictures if p is not None and p.grid is not None]
    tokens = policy.generate(
        input_ids=work.prompts.input_ids,
        attention_mask=work.prompts.attention_mask.long(),
        **picture_inputs(policy, work.prompts.pictures),
        mm_token_type_ids=(work.prompts.input_ids == work.processor.image_token_id).int(),
        image_grid_thw=torch.cat(grids),
        do_sample=False,
        temperature=None,
        top_k=None,
        top_p=None,
        max_new_tokens=max(lengths),
        suppress_tokens=list(work.processor.banned_token_ids),
        eos_token_id=list(work.processor.end_token_ids),
        pad_token_id=work.processor.pad_token_id,
        logits_processor=[KnownLengths(work, lengths)],
    )
    return tokens[:, work.prompts.input_ids.shape[1] :]


def compare(work: Workload, lengths: Sequence[int], rounds: int) -> dict[str, float]:
    """Tokens per second of both, medians of alternating rounds, and their ratio.

    Raises:
        AssertionError: the tokens differ.
    """
    assert torch.equal(respond(work, lengths), generate(work, lengths)), "tokens differ"
    seconds: dict[Any, list[float]] = {respond: [], generate: []}
    for _ in range(rounds):
        for run, times in seconds.items():
            started = time.perf_counter()
            run(work, lengths)
            times.append(time.perf_counter() - started)
    ours, theirs = (sum(lengths) / median(times) for times in seconds.values())
    return {"ours tokens/s": ours, "generate tokens/s": theirs, "ratio": ours / theirs}


def median(values: Sequence[float]) -> float:
    """The middle one of an odd number of values."""
    return sorted(values)[len(values) // 2]


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Both lengths, one after the other."""
    work = load_workload()
    varying = varying_lengths()
    figures = {"mean length / longest, varying": sum(varying) / len(varying) / MAX_TOKENS}
    for name, lengths in (("fixed", fixed_lengths()), ("varying", varying)):
        for what, value in compare(work, lengths, rounds).items():
            figures[f"{name}: {what}"] = value
    return figures
