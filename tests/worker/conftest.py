"""A tiny random Qwen2.5-VL of the real architecture, and prompts with and without pictures."""

from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from backend.contract.config import DataConfig
from backend.contract.datasets import Item
from worker.data.collate import collate
from worker.data.prompts import encode_prompt
from worker.modeling.loading import Processor, load_policy, load_processor
from worker.tensors.batches import Prompts
from worker.workbench.model import build_image_processor, build_model
from worker.workbench.tokenizer import train_tokenizer

QUESTIONS = (
    "How many circles?",
    "What is 3 plus 4, and why is it not the same as 5?",
    "Is it red?",
)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with random weights, as an import would store it."""
    folder = tmp_path_factory.mktemp("tiny-model")
    tokenizer = train_tokenizer([*QUESTIONS, "Answer in \\boxed{}. The answer is \\boxed{7}."])
    model = build_model(tokenizer, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            # Random initialisation is nearly uniform over tokens: sharpen it, so that greedy
            # decoding and probabilities have something to tell apart.
            parameter.mul_(3.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    build_image_processor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def processor(tiny_folder: Path) -> Processor:
    return load_processor(tiny_folder, None)


@pytest.fixture
def policy(tiny_folder: Path):
    return load_policy(tiny_folder, torch.device("cpu"))


def picture(index: int, size: tuple[int, int] = (112, 112)) -> Image.Image:
    """A picture that differs by its index."""
    image = Image.new("RGB", size, "white")
    left = 10 * index
    ImageDraw.Draw(image).ellipse((left, 20, left + 30, 50), fill=(200, 30 * index, 0))
    return image


def make_prompts(policy, processor: Processor, *, with_images: bool = True) -> Prompts:
    """Three prompts of different lengths; the second has no picture."""
    encoded = [
        encode_prompt(
            Item(id=f"p{index}", row=index + 1, question=question, answer="1"),
            picture(index, (112 + 28 * index, 84)) if with_images and index != 1 else None,
            processor=processor,
            cfg=DataConfig(prompt_suffix="\nAnswer in \\boxed{}."),
        )
        for index, question in enumerate(QUESTIONS)
    ]
    return collate(encoded, policy=policy, processor=processor)
