"""Dynamic sampling (DAPO, arXiv 2503.14476, section 3.2): no prompt that teaches nothing.

Where all responses to a prompt are right, or all wrong, every advantage is 0. Such prompts are
replaced by others of the training split, a bounded number of times; what is left then stays in
the step, and is counted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch.nn.functional import pad

from backend.contract.datasets import Item
from worker.rewards.scoring import Reward
from worker.rl.types import Answers, Batch
from worker.tensors.batches import Responses


def uninformative_prompts(rewards: Sequence[Reward], responses_per_prompt: int) -> list[bool]:
    """For every prompt, whether its responses are all right or all wrong."""
    return [
        len({reward.verdict.is_correct for reward in rewards[start : start + responses_per_prompt]})
        == 1
        for start in range(0, len(rewards), responses_per_prompt)
    ]


def replace_uninformative(
    first: Answers,
    *,
    answer: Callable[[Sequence[Item]], Answers],
    encode: Callable[[Sequence[Item]], Batch],
    candidates: Iterable[Item],
    max_rounds: int,
) -> Answers:
    """The step's prompts, uninformative ones replaced as far as rounds and candidates reach.

    Informative prompts come first, in the order in which they were found; the rest is filled up
    with the uninformative ones of the beginning.

    Args:
        first: The answers to the step's own prompts.
        answer: Asks the engine and the judge.
        encode: Makes prompts of problems.
        candidates: Problems that are not in the step, in order.
        max_rounds: Most calls of `answer`.
    """
    size, remaining = first.responses_per_prompt, iter(candidates)
    wanted = len(first.rewards) // size
    rounds, num_replaced = [first], 0
    kept = list(_informative(0, first, size))
    for _ in range(max_rounds):
        items = list(islice(remaining, wanted - len(kept)))
        if not items:
            break
        num_replaced += len(items)
        rounds.append(answer(items))
        kept += _informative(len(rounds) - 1, rounds[-1], size)
    found = set(kept)
    kept += [(0, prompt) for prompt in range(wanted) if (0, prompt) not in found]
    return _join(rounds, kept[:wanted], encode, num_replaced)


def _informative(round_index: int, answers: Answers, size: int) -> Iterator[tuple[int, int]]:
    """(round, prompt) of every prompt with right and wrong responses."""
    flags = uninformative_prompts(answers.rewards, size)
    return ((round_index, prompt) for prompt, is_idle in enumerate(flags) if not is_idle)


def _join(
    rounds: Sequence[Answers],
    prompts: Sequence[tuple[int, int]],
    encode: Callable[[Sequence[Item]], Batch],
    num_replaced: int,
) -> Answers:
    """The groups of some prompts of several rounds, one below the other."""
    size = rounds[0].responses_per_prompt
    rows = [(r, prompt * size + sample) for r, prompt in prompts for sample in range(size)]
    items = [rounds[r].batch.items[prompt * size] for r, prompt in prompts]
    responses = [rounds[r].responses for r, _ in rows]
    width = max(response.tokens.shape[1] for response in responses)
    columns = {
        name: torch.stack(
            [
                _widened(getattr(part, name)[row], width)
                for part, (_, row) in zip(responses, rows, strict=True)
            ]
        )
        for name in ("tokens", "response_mask", "rollout_logprobs")
    }
    return Answers(
        batch=encode(items).repeated(size),
        responses=Responses(
            **columns,
            is_finished=torch.stack([rounds[r].responses.is_finished[row] for r, row in rows]),
            texts=tuple(rounds[r].responses.texts[row] for r, row in rows),
        ),
        rewards=tuple(rounds[r].rewards[row] for r, row in rows),
        responses_per_prompt=size,
        num_replaced=num_replaced,
    )


def _widened(row: torch.Tensor, width: int) -> torch.Tensor:
    """[width] a row with zeros after it; what stands behind the mask is never read."""
    return pad(row, (0, width - len(row)))
