"""Tensors that travel together: prompts and the responses to them.

Legend of shapes, used everywhere in the worker:
    B  responses of a batch          P  prompt tokens, left-padded
    R  response tokens, right-padded L  P + R
    V  vocabulary                    b  rows of a micro-batch
Masks are True where a token takes part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptSource:
    """What a prompt was made from, for engines that read pictures themselves."""

    token_ids: tuple[int, ...]
    """The prompt with one placeholder for its picture, not one for each visual token."""
    open_picture: Callable[[], Image.Image] | None
    """Opens the picture in RGB; None for text only."""

    @property
    def image(self) -> Image.Image | None:
        """The picture in RGB, opened anew each time; None for text only."""
        return None if self.open_picture is None else self.open_picture()


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture as the model takes it: features where its encoder is frozen, else patches."""

    text: str
    """What stands for it in the prompt that the model reads."""
    num_tokens: int
    """Visual tokens in that text."""
    grid: Tensor | None
    """[1, 3] patches in time, height and width, where positions follow them; else None."""
    patches: Mapping[str, Tensor] | None
    """Inputs of the vision tower; None when there are features."""
    features: Tensor | None
    """[levels, visual tokens, hidden] that the language model reads (Qwen3-VL: one level more for
    each layer that adds some); None when the vision tower or the connector is trained."""

    @property
    def size_bytes(self) -> int:
        """Memory of its tensors."""
        tensors = [self.features, *(self.patches or {}).values()]
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompts:
    """Encoded prompts, ready for engine and trainer (Step I)."""

    input_ids: Tensor
    """[B, P] token ids, left-padded."""
    attention_mask: Tensor
    """[B, P] True on prompt tokens."""
    position_ids: Tensor
    """[3, B, P] multimodal positions (temporal, height, width), or [1, B, P] of a family that
    counts along one axis; 0 on padding."""
    next_position: Tensor
    """[B] position of the first response token."""
    pictures: tuple[Picture | None, ...]
    """B pictures; None for text only."""
    keys: tuple[str, ...]
    """B names of the problems, part of each response's random stream."""
    sources: tuple[PromptSource, ...]
    """B sources: what each prompt was made from."""

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, rows: Sequence[int]) -> "Prompts":
        """The given rows, with padding columns that are empty in all of them removed."""
        index = torch.as_tensor(rows, device=self.input_ids.device)
        mask = self.attention_mask[index]
        start = int(mask.any(dim=0).to(torch.int8).argmax())
        return Prompts(
            input_ids=self.input_ids[index, start:],
            attention_mask=mask[:, start:],
            position_ids=self.position_ids[:, index, start:],
            next_position=self.next_position[index],
            pictures=tuple(self.pictures[row] for row in rows),
            keys=tuple(self.keys[row] for row in rows),
            sources=tuple(self.sources[row] for row in rows),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Responses:
    """Responses to prompts (Step II), one row each."""

    tokens: Tensor
    """[B, R] sampled token ids, the end-of-text included; padding after it."""
    response_mask: Tensor
    """[B, R] True on response tokens up to and including the end-of-text."""
    rollout_logprobs: Tensor
    """[B, R] log-probability under the engine's policy, temperature applied; 0 on padding."""
    is_finished: Tensor
    """[B] True when the response ended by itself, False when it was cut off."""
    texts: tuple[str, ...]
    """B decoded texts without special tokens."""

    @property
    def num_tokens(self) -> Tensor:
        """[B] response tokens, the end-of-text included."""
        return self.response_mask.sum(dim=1)
