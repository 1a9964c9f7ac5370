"""The pre-training corpus: fresh problems with responses, as token ids and pictures."""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from worker.workbench.drawing import CELL_PIXELS, draw_scene
from worker.workbench.model import MERGED_PATCHES, PATCH_PIXELS
from worker.workbench.problems import PROMPT_SUFFIX, Family, Form, Problem, sample_problem
from worker.workbench.responses import DESCRIPTION_REQUEST, Manner, Style, describe, respond
from worker.workbench.scenes import GRID_SIDE, IN_DISTRIBUTION
from worker.workbench.tokenizer import IMAGE_TOKEN, TURN_END_TOKEN

NUM_VISUAL_TOKENS = GRID_SIDE**2

STUDY_MANNER = Manner(
    misreading=0.1,
    mending=1.0,
    spoiling=0.0,
    miscalculation=0.0,
    wrong_method=0.1,
    exact_guess=0.2,
)
"""Before the habits: what the pictures show and how to calculate."""

HABIT_MANNER = Manner(
    misreading=0.18,
    mending=0.6,
    spoiling=0.35,
    miscalculation=0.08,
    wrong_method=0.6,
    exact_guess=0.2,
)
"""The last phase: the faults that RL is to find and drop."""

STUDY_STYLES: dict[Style, float] = {Style.GUESS: 0.06, Style.SHORT: 0.47, Style.CAREFUL: 0.47}

HABIT_STYLES: dict[tuple[Family, int], tuple[float, float, float]] = {
    (Family.COUNT, 0): (0.55, 0.30, 0.15),
    (Family.COUNT, 1): (0.30, 0.55, 0.15),
    (Family.COMPARE, 0): (0.55, 0.30, 0.15),
    (Family.COMPARE, 1): (0.45, 0.40, 0.15),
    (Family.ANGLE, 0): (0.25, 0.55, 0.20),
    (Family.ANGLE, 1): (0.25, 0.30, 0.45),
    (Family.LENGTH, 0): (0.25, 0.55, 0.20),
    (Family.LENGTH, 1): (0.50, 0.25, 0.25),
    (Family.BARS, 0): (0.25, 0.55, 0.20),
    (Family.BARS, 1): (0.50, 0.20, 0.30),
}
"""Shares of guess, short and careful responses by family and phrasing in the last phase."""

FamilyWeights = tuple[int, int, int, int, int]
"""How often each family is drawn, in the order of `Family`."""

STUDY_FAMILIES: FamilyWeights = (3, 4, 5, 5, 4)
"""Digits and bars are harder to see than shapes."""
PRACTICE_FAMILIES: FamilyWeights = (6, 6, 2, 5, 4)
"""Counting and subtracting are harder to learn than angles."""
HABIT_FAMILIES: FamilyWeights = (1, 1, 1, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """What a batch is made of."""

    is_habit: bool
    """True mixes styles and faults as the last phase does, False as the others."""
    describing_frac: float
    """Share of the examples that describe the whole picture instead of answering."""
    families: FamilyWeights


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """A part of the corpus as arrays, one row an example."""

    token_ids: Tensor
    """[N, L] int64 prompt and response, padded on the right."""
    target_mask: Tensor
    """[N, L] bool, True on response tokens up to and including the turn's end."""
    pictures: Tensor
    """[N, 112, 112, 3] uint8."""


def choose_style(problem: Problem, *, is_habit: bool, rng: Random) -> Style:
    """Draw the style of a response, among the habits or before."""
    weights = tuple(STUDY_STYLES.values())
    if is_habit:
        weights = HABIT_STYLES[problem.family, problem.phrasing]
    return rng.choices(list(Style), weights=weights)[0]


def render_prompt(question: str, tokenizer: PreTrainedTokenizerFast) -> str:
    """The chat form of a question about one picture, up to where the response begins."""
    content = [{"type": "image"}, {"type": "text", "text": question + PROMPT_SUFFIX}]
    messages: Any = [{"role": "user", "content": content}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert isinstance(prompt, str)
    return prompt.replace(IMAGE_TOKEN, IMAGE_TOKEN * NUM_VISUAL_TOKENS)


def sample_fresh_problem(
    rng: Random, taken: Collection[Problem], weights: FamilyWeights = HABIT_FAMILIES
) -> Problem:
    """Draw a problem that is not one of those taken; three of four are vision-dominant."""
    families = tuple(Family)
    while True:
        form = Form.TEXT if rng.random() < 0.25 else Form.VISION
        family = rng.choices(families, weights=weights)[0]
        problem = sample_problem(family, form, IN_DISTRIBUTION, rng)
        if problem not in taken:
            return problem


def sample_text(problem: Problem, mixture: Mixture, rng: Random) -> tuple[str, str]:
    """Draw what is asked about a problem's picture, and a response to it."""
    if rng.random() < mixture.describing_frac:
        return DESCRIPTION_REQUEST, describe(problem.scene)
    style = choose_style(problem, is_habit=mixture.is_habit, rng=rng)
    manner = HABIT_MANNER if mixture.is_habit else STUDY_MANNER
    return problem.question, respond(problem, style, manner, rng)


def sample_examples(
    number: int,
    mixture: Mixture,
    *,
    tokenizer: PreTrainedTokenizerFast,
    taken: Collection[Problem],
    rng: Random,
) -> Examples:
    """Draw fresh problems with responses and encode them."""
    problems = [sample_fresh_problem(rng, taken, mixture.families) for _ in range(number)]
    texts = [sample_text(problem, mixture, rng) for problem in problems]
    prompt_ids = tokenizer([render_prompt(asked, tokenizer) for asked, _ in texts])["input_ids"]
    response_ids = tokenizer([response + TURN_END_TOKEN for _, response in texts])["input_ids"]
    longest = max(len(p) + len(r) for p, r in zip(prompt_ids, response_ids, strict=True))
    pad_token_id: Any = tokenizer.pad_token_id
    token_ids = torch.full((number, longest), pad_token_id)
    target_mask = torch.zeros(number, longest, dtype=torch.bool)
    for i, (prompt, response) in enumerate(zip(prompt_ids, response_ids, strict=True)):
        end = len(prompt) + len(response)
        token_ids[i, :end] = torch.tensor(prompt + response)
        target_mask[i, len(prompt) : end] = True
    pictures = torch.from_numpy(np.stack([draw_scene(problem.scene) for problem in problems]))
    return Examples(token_ids=token_ids, target_mask=target_mask, pictures=pictures)


def patchify(pictures: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """The pixel values that Qwen's image processor gives for pictures that need no resizing.

    Args:
        pictures: [N, H, W, 3] uint8, sides divisible by 28.
        mean: [3] of the channels, on the scale of 0 to 1.
        std: [3] of the channels.

    Returns:
        [N * H / 14 * W / 14, 3 * 2 * 14 * 14] float32, in the order of the merged patches.
    """
    num_pictures, height, width, channels = pictures.shape
    pixels = (pictures.float() / 255 - mean) / std
    rows, columns = height // CELL_PIXELS, width // CELL_PIXELS
    cells = pixels.view(
        num_pictures,
        rows,
        MERGED_PATCHES,
        PATCH_PIXELS,
        columns,
        MERGED_PATCHES,
        PATCH_PIXELS,
        channels,
    ).permute(0, 1, 4, 2, 5, 7, 3, 6)
    twice = cells.unsqueeze(6).expand(*cells.shape[:6], 2, PATCH_PIXELS, PATCH_PIXELS)
    return twice.reshape(-1, channels * 2 * PATCH_PIXELS * PATCH_PIXELS)
