"""How a problem becomes a prompt: chat form, visual tokens, padding, multimodal positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad
from transformers import PreTrainedModel

from backend.contract.config import DataConfig
from backend.contract.datasets import Item
from backend.contract.errors import InvalidInputError
from worker.modeling.loading import Processor
from worker.tensors.batches import Prompts, PromptSource


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedPrompt:
    """One problem as the model reads it."""

    key: str
    """Name of the problem, part of its responses' random streams."""
    input_ids: Tensor
    """[P] token ids, visual placeholders expanded."""
    pixel_values: Tensor | None
    """[patches, patch size] of the picture."""
    image_grid_thw: Tensor | None
    """[1, 3] patches in time, height and width."""
    source: PromptSource
    """What it was made from, for engines that read pictures themselves."""


def render_chat(question: str, has_image: bool, processor: Processor) -> str:
    """The question in the model's chat form, with an open assistant turn."""
    content = [{"type": "image"}] if has_image else []
    content.append({"type": "text", "text": question})
    text = processor.tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    assert isinstance(text, str)
    return text


def encode_prompt(
    item: Item, image: Image.Image | None, *, processor: Processor, cfg: DataConfig
) -> EncodedPrompt:
    """Token ids and patches of a problem.

    Raises:
        InvalidInputError: the prompt is too long, or the question's own text holds vision tokens.
    """
    text = render_chat(item.question + cfg.prompt_suffix, image is not None, processor)
    pixel_values, grid, num_visual = None, None, 0
    if image is not None:
        patches = processor.image_processor(images=[image], return_tensors="pt")
        pixel_values, grid = patches["pixel_values"], patches["image_grid_thw"]
        num_visual = int(grid.prod()) // processor.image_processor.merge_size**2
    placeholder = "<|image_pad|>"
    if text.count(placeholder) != (image is not None):
        raise InvalidInputError(
            f"row {item.row} ({item.id}): the question's text contains the vision token "
            f"{placeholder}, which stands for pictures"
        )
    source_ids = processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    text = text.replace(placeholder, placeholder * num_visual)
    ids = processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) > cfg.max_prompt_tokens:
        raise InvalidInputError(
            f"row {item.row} ({item.id}): the prompt has {len(ids)} tokens, "
            f"max_prompt_tokens allows {cfg.max_prompt_tokens}"
        )
    return EncodedPrompt(
        key=item.id,
        input_ids=torch.tensor(ids),
        pixel_values=pixel_values,
        image_grid_thw=grid,
        source=PromptSource(token_ids=tuple(source_ids), image=image),
    )


@torch.no_grad()
def collate(
    encoded: Sequence[EncodedPrompt],
    *,
    policy: PreTrainedModel,
    processor: Processor,
) -> Prompts:
    """A batch: left padding, positions by `get_rope_index`, image features computed once.

    The vision tower is frozen, so engine, policy and reference share its features.
    """
    device = policy.device
    model: Any = policy.get_submodule("model")
    longest = max(len(prompt.input_ids) for prompt in encoded)
    input_ids = torch.stack(
        [
            pad(p.input_ids, (longest - len(p.input_ids), 0), value=processor.pad_token_id)
            for p in encoded
        ]
    ).to(device)
    lengths = torch.tensor([len(prompt.input_ids) for prompt in encoded], device=device)
    mask = torch.arange(longest, device=device) >= (longest - lengths).unsqueeze(1)

    with_image = [p for p in encoded if p.pixel_values is not None]
    grids = torch.cat([p.image_grid_thw for p in with_image]) if with_image else None  # pyright: ignore[reportCallIssue, reportArgumentType]
    position_ids, _ = model.get_rope_index(
        input_ids,
        mm_token_type_ids=(input_ids == processor.image_token_id).int(),
        image_grid_thw=None if grids is None else grids.to(device),
        attention_mask=mask,
    )
    features: list[Tensor | None] = [None] * len(encoded)
    if grids is not None:
        pixels = torch.cat([p.pixel_values for p in with_image]).to(device)  # pyright: ignore[reportCallIssue, reportArgumentType]
        parts = iter(model.get_image_features(pixels, grids.to(device)).pooler_output)
        features = [None if p.pixel_values is None else next(parts) for p in encoded]
    return Prompts(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=position_ids,
        next_position=position_ids.amax(dim=(0, 2)) + 1,
        image_features=tuple(features),
        keys=tuple(prompt.key for prompt in encoded),
        sources=tuple(prompt.source for prompt in encoded),
    )
