"""What a checkpoint can do on the workbench's problems, measured with plain `generate`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLForConditionalGeneration

from worker.workbench.corpus import patchify, render_prompt
from worker.workbench.drawing import draw_scene
from worker.workbench.model import PATCH_PIXELS, build_image_processor
from worker.workbench.problems import Problem
from worker.workbench.scenes import Scene

MAX_RESPONSE_TOKENS = 64

_BOXED = re.compile(r"\\boxed\{(-?\d+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How responses are drawn."""

    temperature: float
    """0 takes the likeliest token."""
    opening: str = ""
    """What every response is made to begin with."""
    seed: int = 0


def is_correct(response: str, problem: Problem) -> bool:
    """Whether the last boxed number of a response is the problem's answer."""
    boxed = _BOXED.findall(response)
    return bool(boxed) and int(boxed[-1]) == problem.answer


@torch.no_grad()
def generate_responses(
    model: Qwen2_5_VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    shown: Sequence[tuple[Problem, Scene]],
    sampling: Sampling,
    *,
    batch_size: int = 100,
) -> list[str]:
    """One response to each problem with the scene that its picture shows."""
    torch.manual_seed(sampling.seed)
    processor = build_image_processor()
    mean, std = torch.tensor(processor.image_mean), torch.tensor(processor.image_std)
    model.eval()
    responses: list[str] = []
    for start in range(0, len(shown), batch_size):
        rows = shown[start : start + batch_size]
        prompts = [render_prompt(problem.question, tokenizer) for problem, _ in rows]
        encoded = tokenizer(
            [prompt + sampling.opening for prompt in prompts], padding=True, return_tensors="pt"
        )
        pictures = torch.from_numpy(np.stack([draw_scene(scene) for _, scene in rows]))
        num_rows = pictures.shape[1] // PATCH_PIXELS
        how = {"do_sample": False}
        if sampling.temperature > 0:
            how = {"do_sample": True, "temperature": sampling.temperature, "top_k": 0}
        generate: Any = model.generate  # pyright: ignore[reportAttributeAccessIssue]
        token_ids = generate(
            input_ids=encoded.input_ids,
            attention_mask=encoded.attention_mask,
            pixel_values=patchify(pictures, mean, std),
            image_grid_thw=torch.tensor([[1, num_rows, num_rows]]).expand(len(rows), -1),
            mm_token_type_ids=(encoded.input_ids == model.config.image_token_id).int(),
            max_new_tokens=MAX_RESPONSE_TOKENS,
            **how,
        )
        new_ids = token_ids[:, encoded.input_ids.shape[1] :]
        texts = tokenizer.batch_decode(new_ids, skip_special_tokens=True)
        responses += [sampling.opening + text for text in texts]
    return responses


def measure_accuracy(
    model: Qwen2_5_VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    shown: Sequence[tuple[Problem, Scene]],
    sampling: Sampling,
) -> float:
    """The share of the problems that one response each answers rightly."""
    responses = generate_responses(model, tokenizer, shown, sampling)
    hits = [is_correct(text, problem) for text, (problem, _) in zip(responses, shown, strict=True)]
    return sum(hits) / len(hits)
