"""How a problem becomes a prompt: chat form, visual tokens, and what is refused."""

from collections.abc import Callable, Mapping
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

OpenPicture = Callable[[], Image.Image]


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
    item: Item,
    image: Image.Image | OpenPicture | None,
    *,
    processor: Processor,
    cfg: DataConfig,
) -> EncodedPrompt:
    """Token ids and patches of a problem.

    Args:
        item: The problem.
        image: Its picture, or what opens it when it is needed: a picture whose features are
            known is not even decoded. None for text only.
        processor: Tokenizer, image processor and the pictures read so far.
        cfg: How a problem becomes a prompt.

    Raises:
        InvalidInputError: names the row: the prompt is too long (it is never cut), a text holds
            tokens that stand for pictures or turns, or the model cannot read the picture.
    """
    where = name_row(item)
    open_picture = (lambda: image) if isinstance(image, Image.Image) else image
    picture = None
    if open_picture is not None:
        picture = processor.pictures.find(item.image)
        if picture is None:
            picture = read_picture(open_picture(), where, processor)
            processor.pictures.keep(item.image, picture)
    text = picture.text if picture else None
    source_ids, ids = tokenize_prompt(item, text, processor=processor, cfg=cfg)
    return EncodedPrompt(
        key=item.id,
        input_ids=torch.tensor(ids),
        picture=picture,
        picture_key=item.image,
        source=PromptSource(token_ids=tuple(source_ids), open_picture=open_picture),
    )


def tokenize_prompt(
    item: Item, picture_text: str | None, *, processor: Processor, cfg: DataConfig
) -> tuple[list[int], list[int]]:
    """Token ids of a problem, before and after its picture's placeholder is expanded.

    Args:
        item: The problem.
        picture_text: What stands for its picture; None for text only.
        processor: The model's tokenizer.
        cfg: How a problem becomes a prompt.

    Raises:
        InvalidInputError: those of `encode_prompt`.
    """
    where = name_row(item)
    refuse_reserved(item.question, f"{where}: the question", processor)
    refuse_reserved(cfg.prompt_suffix, "data.prompt_suffix", processor)
    text = render_chat(item.question + cfg.prompt_suffix, picture_text is not None, processor)
    ids = _tokenize(expand(text, picture_text, where, processor), processor)
    if len(ids) > cfg.max_prompt_tokens:
        num_visual = ids.count(processor.image_token_id) if processor.image_token_id else 0
        raise InvalidInputError(
            f"{where}: the prompt has {len(ids)} tokens, {num_visual} of them visual; "
            f"max_prompt_tokens allows {cfg.max_prompt_tokens}"
        )
    return _tokenize(text, processor), ids


def name_row(item: Item) -> str:
    """How messages call a problem."""
    return f"row {item.row} ({item.id})"


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


def expand(text: str, picture_text: str | None, where: str, processor: Processor) -> str:
    """A rendered prompt with its picture's placeholder replaced by visual tokens, once.

    Raises:
        InvalidInputError: the chat template wrote another number of placeholders than there are
            pictures, for example because it expands them itself.
    """
    vision = processor.family.vision
    if vision is None:
        return text
    count = text.count(vision.placeholder)
    if count != (picture_text is not None):
        raise InvalidInputError(
            f"{where}: the chat template wrote {count} {vision.placeholder} for "
            f"{int(picture_text is not None)} pictures: placeholders are expanded here, once"
        )
    return text if picture_text is None else text.replace(vision.placeholder, picture_text)


def _tokenize(text: str, processor: Processor) -> list[int]:
    return processor.tokenizer(text, add_special_tokens=False)["input_ids"]
