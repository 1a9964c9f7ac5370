"""How a problem becomes a prompt: chat form, visual tokens, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from backend.contract.config import DataConfig
from backend.contract.datasets import Item
from backend.contract.errors import InvalidInputError
from worker.modeling.loading import Processor
from worker.tensors.batches import Picture, PromptSource


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedPrompt:
    """One problem as the model reads it."""

    key: str
    """Name of the problem, part of its responses' random streams."""
    input_ids: Tensor
    """[P] token ids, visual placeholders expanded."""
    picture: Picture | None
    """Its picture; None for text only."""
    picture_key: str | None
    """Hash of the picture's file, by which it is kept."""
    source: PromptSource
    """What it was made from, for engines that read pictures themselves."""


def render_chat(question: str, has_image: bool, processor: Processor) -> str:
    """The question in the model's chat form, with an open assistant turn."""
    content: str | list[dict[str, str]] = question
    if processor.family.vision is not None:
        picture = [{"type": "image"}] if has_image else []
        content = [*picture, {"type": "text", "text": question}]
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
        InvalidInputError: names the row: the prompt is too long (it is never cut), a text holds
            tokens that stand for pictures or turns, or the model cannot read the picture.
    """
    where = f"row {item.row} ({item.id})"
    refuse_reserved(item.question, f"{where}: the question", processor)
    refuse_reserved(cfg.prompt_suffix, "data.prompt_suffix", processor)
    picture = None
    if image is not None:
        picture = processor.pictures.find(item.image)
        if picture is None:
            picture = read_picture(image, where, processor)
            processor.pictures.keep(item.image, picture)
    text = render_chat(item.question + cfg.prompt_suffix, image is not None, processor)
    source_ids = _tokenize(text, processor)
    ids = _tokenize(expand(text, picture, where, processor), processor)
    if len(ids) > cfg.max_prompt_tokens:
        raise InvalidInputError(
            f"{where}: the prompt has {len(ids)} tokens, {picture.num_tokens if picture else 0} "
            f"of them visual; max_prompt_tokens allows {cfg.max_prompt_tokens}"
        )
    return EncodedPrompt(
        key=item.id,
        input_ids=torch.tensor(ids),
        picture=picture,
        picture_key=item.image,
        source=PromptSource(token_ids=tuple(source_ids), image=image),
    )


def refuse_reserved(text: str, what: str, processor: Processor) -> None:
    """Refuse a text that holds tokens which stand for pictures or for the turns of a chat.

    Raises:
        InvalidInputError: names the first one.
    """
    for reserved in processor.reserved_texts:
        if reserved in text:
            raise InvalidInputError(
                f"{what} contains {reserved!r}, which the model would read as a picture or a "
                "control token and not as text: write it in another way"
            )


def read_picture(image: Image.Image, where: str, processor: Processor) -> Picture:
    """The patches of a picture, and the text that stands for it.

    Raises:
        InvalidInputError: the model reads text only, or refuses the picture's shape.
    """
    vision = processor.family.vision
    if vision is None:
        raise InvalidInputError(
            f"{where} has a picture, but the model ({processor.config.model_type}) reads text only"
        )
    try:
        read: Mapping[str, Any] = processor.image_processor(
            images=[image], return_tensors="pt", **vision.options
        )
    except ValueError as e:
        raise InvalidInputError(
            f"{where}: the picture of {image.width} x {image.height} pixels is refused: {e}"
        ) from e
    processor.pictures.num_preprocessed += 1
    text = vision.expansion(read, processor.config)
    return Picture(
        text=text,
        num_tokens=text.count(vision.visual_token),
        grid=read["image_grid_thw"] if vision.has_grid_positions else None,
        patches={name: read[name] for name in vision.inputs},
        features=None,
    )


def expand(text: str, picture: Picture | None, where: str, processor: Processor) -> str:
    """A rendered prompt with its picture's placeholder replaced by visual tokens, once.

    Raises:
        InvalidInputError: the chat template wrote another number of placeholders than there are
            pictures, for example because it expands them itself.
    """
    vision = processor.family.vision
    if vision is None:
        return text
    count = text.count(vision.placeholder)
    if count != (picture is not None):
        raise InvalidInputError(
            f"{where}: the chat template wrote {count} {vision.placeholder} for "
            f"{int(picture is not None)} pictures: placeholders are expanded here, once"
        )
    return text if picture is None else text.replace(vision.placeholder, picture.text)


def _tokenize(text: str, processor: Processor) -> list[int]:
    return processor.tokenizer(text, add_special_tokens=False)["input_ids"]
