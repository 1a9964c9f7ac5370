"""What the benchmarks work on: the workbench's model, its problems with pictures, known lengths."""

from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from transformers import PreTrainedModel

from backend.contract.config import DataConfig, TrainedPartsConfig
from backend.contract.datasets import Item
from tests.platform.living_platform import ROOT
from worker.data.collate import collate
from worker.data.prompts import EncodedPrompt, encode_prompt
from worker.modeling.freezing import freeze_parts
from worker.modeling.loading import Processor, load_policy, load_processor
from worker.tensors.batches import Prompts
from worker.workbench.datasets import build_published
from worker.workbench.drawing import draw_scene
from worker.workbench.problems import PROMPT_SUFFIX

MODEL = ROOT / "worker" / "workbench" / "base"
NUM_REQUESTS = 64
MAX_TOKENS = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """Model, problems and pictures."""

    policy: PreTrainedModel
    processor: Processor
    items: tuple[Item, ...]
    images: tuple[Image.Image, ...]
    encoded: tuple[EncodedPrompt, ...]
    prompts: Prompts


def load_workload(folder: Path = MODEL, num_requests: int = NUM_REQUESTS) -> Workload:
    """The first problems of the vision-dominant validation split."""
    policy = load_policy(folder, torch.device("cpu"))
    freeze_parts(policy, TrainedPartsConfig())
    processor = load_processor(folder, None)
    rows = build_published()[0].splits["validation"][:num_requests]
    items = tuple(
        Item(
            id=f"v{number}",
            row=number + 1,
            question=p.question,
            answer=str(p.answer),
            image=f"{number:064x}",
        )
        for number, (p, _) in enumerate(rows)
    )
    images = tuple(Image.fromarray(draw_scene(scene)) for _, scene in rows)
    cfg = DataConfig(prompt_suffix=PROMPT_SUFFIX)
    encoded = tuple(
        encode_prompt(item, image, processor=processor, cfg=cfg)
        for item, image in zip(items, images, strict=True)
    )
    prompts = collate(encoded, policy=policy, processor=processor)
    return Workload(
        policy=policy,
        processor=processor,
        items=items,
        images=images,
        encoded=encoded,
        prompts=prompts,
    )


def fixed_lengths(num_requests: int = NUM_REQUESTS, longest: int = MAX_TOKENS) -> list[int]:
    """All responses as long as allowed."""
    return [longest] * num_requests


def varying_lengths(num_requests: int = NUM_REQUESTS, longest: int = MAX_TOKENS) -> list[int]:
    """Lengths u^1.5 of the longest, u spread evenly: their mean is 40 % of it; shuffled."""
    shares = [((number + 0.5) / num_requests) ** 1.5 for number in range(num_requests)]
    lengths = [max(2, round(longest * share)) for share in shares[:-1]] + [longest]
    order = torch.randperm(num_requests, generator=torch.Generator().manual_seed(0)).tolist()
    return [lengths[place] for place in order]
