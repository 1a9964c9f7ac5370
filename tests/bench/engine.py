"""Our decoding loop against transformers' `generate`: the same tokens, turn by turn, greedy."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tests.bench.known_lengths import KnownLengths, known_lengths
from tests.bench.workload import MAX_TOKENS, Workload, fixed_lengths, load_workload, varying_lengths
from worker.generation.engine import Decoding
from worker.generation.transformers_engine import TransformersEngine
from worker.modeling.forward import picture_inputs

ROUNDS = 7
GREEDY = Decoding(num_samples=1, temperature=0.01, top_p=0.001, stream="bench")


def respond(work: Workload, lengths: Sequence[int]) -> Tensor:
    """[B, R] tokens of our engine."""
    engine = TransformersEngine(work.policy, work.processor, seed=0)
    with known_lengths(work.processor, lengths):
        [responses] = engine.generate(work.prompts, [GREEDY], rl_step=0, max_tokens=max(lengths))
    return responses.tokens


@torch.no_grad()
def generate(work: Workload, lengths: Sequence[int]) -> Tensor:
    """[B, R] tokens of transformers' `generate`, given the same picture features."""
    policy: Any = work.policy
    prompts = work.prompts
    tokens = policy.generate(
        input_ids=prompts.input_ids,
        attention_mask=prompts.attention_mask.long(),
        mm_token_type_ids=(prompts.input_ids == work.processor.image_token_id).int(),
        image_grid_thw=torch.cat([p.grid for p in prompts.pictures if p and p.grid is not None]),
        **picture_inputs(policy, prompts.pictures),
        do_sample=False,
        temperature=None,
        top_k=None,
        top_p=None,
        max_new_tokens=max(lengths),
        eos_token_id=list(work.processor.end_token_ids),
        pad_token_id=work.processor.pad_token_id,
        logits_processor=[KnownLengths(work.processor, lengths)],
    )
    return tokens[:, prompts.input_ids.shape[1] :]


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
