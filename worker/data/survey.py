"""A look at every problem before the run begins: what would be refused is refused now."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from backend.contract.config import DataConfig
from backend.contract.datasets import Item
from backend.contract.errors import InvalidInputError, NotFoundError
from worker.data.datasets import read_size
from worker.data.prompts import name_row, tokenize_prompt
from worker.modeling.loading import Processor

MAX_LISTED = 20
"""Rows named in a refusal."""


def survey(items: Iterable[Item], folder: Path, *, processor: Processor, cfg: DataConfig) -> int:
    """Check that every problem becomes a prompt, without decoding a picture.

    Visual tokens are counted from the size in the picture's header, by the image processor and
    the expansion that the rollouts use.

    Args:
        items: Problems of all splits that the run reads.
        folder: The imported data set.
        processor: The model's tokenizer and image processor.
        cfg: How a problem becomes a prompt.

    Returns:
        Tokens of the longest prompt.

    Raises:
        InvalidInputError: lists the rows that would be refused, and why.
    """
    longest, problems = 0, []
    for item in items:
        try:
            text = foretell(item, folder, processor)
            longest = max(
                longest, len(tokenize_prompt(item, text, processor=processor, cfg=cfg)[1])
            )
        except (InvalidInputError, NotFoundError) as error:
            problems.append(error.message)
    refuse_rows(problems)
    return longest


def refuse_rows(problems: Sequence[str]) -> None:
    """Refuse a data set for what is wrong with its rows, if anything is.

    Raises:
        InvalidInputError: lists the first of the problems.
    """
    if problems:
        more = [f"and {len(problems) - MAX_LISTED} more"] if len(problems) > MAX_LISTED else []
        raise InvalidInputError("; ".join([*problems[:MAX_LISTED], *more]))


def foretell(item: Item, folder: Path, processor: Processor) -> str | None:
    """What will stand for a problem's picture in its prompt.

    Raises:
        InvalidInputError: the model reads text only, or refuses the picture's shape.
    """
    size, vision = read_size(folder, item), processor.family.vision
    if size is None:
        return None
    width, height = size
    if vision is None:
        raise InvalidInputError(
            f"{name_row(item)} has a picture, but the model ({processor.config.model_type}) "
            "reads text only"
        )
    try:
        read = vision.foretell(processor.image_processor, height, width)
    except ValueError as e:
        raise InvalidInputError(
            f"{name_row(item)}: the picture of {width} x {height} pixels is refused: {e}"
        ) from e
    return vision.expansion(read, processor.config)
