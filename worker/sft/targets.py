"""What a problem teaches: its solution, its answer in a box, and the end of the turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from backend.contract.answers import last_boxed
from backend.contract.config import SFTConfig
from backend.contract.datasets import Item
from backend.contract.errors import InvalidInputError, ModelInvalidError, NotFoundError
from worker.data.collate import collate
from worker.data.datasets import picture_opener
from worker.data.prompts import (
    encode_prompt,
    name_row,
    refuse_reserved,
    tokenize_prompt,
)
from worker.data.survey import foretell, refuse_rows
from worker.modeling.loading import Processor
from worker.tensors.batches import Prompts

_ANSWER = "ANSWER"


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """The problems of one update. Shapes: the legend in `worker/tensors/batches.py`."""

    items: tuple[Item, ...]
    """B problems."""
    prompts: Prompts
    """Their B encoded prompts."""
    targets: Tensor
    """[B, R] tokens of the solutions, the turn's end included; padding after it."""
    target_mask: Tensor
    """[B, R] True on those tokens: they alone carry loss."""
    pad_token_id: int
    """Fills rows; never attended to."""

    @property
    def lengths(self) -> list[int]:
        """B lengths of prompt and solution together, in tokens."""
        return (self.prompts.attention_mask.sum(dim=1) + self.target_mask.sum(dim=1)).tolist()


def target_text(item: Item) -> str:
    r"""The solution, followed by the answer in \boxed{} where the solution has no box.

    Raises:
        InvalidInputError: there is no solution.
    """
    if not item.solution:
        raise InvalidInputError(
            f"{name_row(item)} has no solution, which supervised fine-tuning needs"
        )
    if last_boxed(item.solution) is not None:
        return item.solution
    return f"{item.solution}\n\\boxed{{{item.answer}}}"


def find_turn_end(processor: Processor) -> int:
    """The token with which the chat template ends the assistant's turn.

    Raises:
        ModelInvalidError: the template writes none of the model's end tokens.
    """
    written: list[str] = [
        processor.tokenizer.apply_chat_template(
            [
                {"role": "user", "content": _content("question", processor)},
                {"role": "assistant", "content": _content(_ANSWER, processor)},
            ],
            tokenize=False,
        )
    ]
    rest = written[0].rpartition(_ANSWER)[2]
    for token in processor.tokenizer(rest, add_special_tokens=False)["input_ids"]:
        if token in processor.end_token_ids:
            return token
    raise ModelInvalidError(
        f"the chat template ends the assistant's turn with {rest!r}, which holds none of the "
        f"model's end tokens {processor.tokenizer.convert_ids_to_tokens(processor.end_token_ids)}"
    )


def _content(text: str, processor: Processor) -> str | list[dict[str, str]]:
    return text if processor.family.vision is None else [{"type": "text", "text": text}]


def survey_solutions(
    items: Sequence[Item], folder: Path, *, processor: Processor, cfg: SFTConfig
) -> None:
    """Check that every problem can be learnt from, without decoding a picture.

    Raises:
        InvalidInputError: lists the rows that have no solution, one with control tokens, or one
            that is too long with its prompt.
    """
    end, problems = find_turn_end(processor), []
    for item in items:
        try:
            text = foretell(item, folder, processor)
            _, ids = tokenize_prompt(item, text, processor=processor, cfg=cfg.data)
            _check_length(item, len(ids), _target_ids(item, processor, end), cfg)
        except (InvalidInputError, NotFoundError) as error:
            problems.append(error.message)
    refuse_rows(problems)


def encode(
    items: Sequence[Item],
    *,
    folder: Path,
    policy: PreTrainedModel,
    processor: Processor,
    cfg: SFTConfig,
) -> Batch:
    """The prompts and solutions of some problems as tokens.

    Args:
        items: B problems.
        folder: The imported data set, for the pictures.
        policy: Its frozen vision tower reads the pictures.
        processor: The model's tokenizer and image processor.
        cfg: How a problem becomes a prompt, and how long it may be.

    Raises:
        InvalidInputError: names the row that is too long or cannot be read.
    """
    end = find_turn_end(processor)
    encoded = [
        encode_prompt(item, picture_opener(folder, item), processor=processor, cfg=cfg.data)
        for item in items
    ]
    targets = [_target_ids(item, processor, end) for item in items]
    for item, prompt, target in zip(items, encoded, targets, strict=True):
        _check_length(item, len(prompt.input_ids), target, cfg)
    tokens = pad_sequence(
        [torch.tensor(target) for target in targets],
        batch_first=True,
        padding_value=processor.pad_token_id,
    )
    lengths = torch.tensor([len(target) for target in targets])
    mask = torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)
    return Batch(
        items=tuple(items),
        prompts=collate(encoded, policy=policy, processor=processor),
        targets=tokens.to(policy.device),
        target_mask=mask.to(policy.device),
        pad_token_id=processor.pad_token_id,
    )


def _target_ids(item: Item, processor: Processor, end: int) -> list[int]:
    text = target_text(item)
    refuse_reserved(text, f"{name_row(item)}: the solution", processor)
    return [*processor.tokenizer(text, add_special_tokens=False)["input_ids"], end]


def _check_length(
    item: Item, num_prompt_tokens: int, target: Sequence[int], cfg: SFTConfig
) -> None:
    if num_prompt_tokens + len(target) > cfg.supervised.max_tokens:
        raise InvalidInputError(
            f"{name_row(item)}: prompt and solution have {num_prompt_tokens} + "
            f"{len(target)} tokens, supervised.max_tokens allows {cfg.supervised.max_tokens}"
        )
