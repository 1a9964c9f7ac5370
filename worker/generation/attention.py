"""What one decoding step may see, and how its attention is computed without copying the past."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from worker.generation.cache import layer_types

NAME = "grouped_sdpa"


def grouped_sdpa(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention of one new token a row in which query heads share keys where they lie.

    transformers' own `sdpa` copies the whole past once for each query head of a group whenever
    there is a mask: at every token, a third of the time of decoding.

    Args:
        module: The attention layer.
        query: [B, heads, Q, D].
        key: [B, key heads, S, D].
        value: [B, key heads, S, D].
        attention_mask: [B, 1, Q, S], or None where all is seen.
        scaling: Factor of the scores.
        kwargs: What else the layer passes on; used where Q > 1, as transformers does.

    Returns:
        [B, Q, heads, D] and no attention weights.
    """
    if query.shape[2] > 1:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **kwargs
        )
    return attend(query, key, value, attention_mask, scaling), None


def attend(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float | None
) -> Tensor:
    """Attention of one new token a row.

    Args:
        query: [B, heads, 1, D].
        key: [B, key heads, S, D].
        value: [B, key heads, S, D].
        mask: [B, 1, 1, S] additive, or None.
        scaling: Factor of the scores.

    Returns:
        [B, 1, heads, D].
    """
    batch, heads, _, width = query.shape
    if mask is not None:
        mask = mask.to(query.dtype)
    if query.device.type == "cpu":
        out = scaled_dot_product_attention(
            query, key, value, attn_mask=mask, scale=scaling, enable_gqa=True
        )
        return out.transpose(1, 2)
    # On a GPU the kernels that take a mask know no groups: heads of a group stand as queries.
    grouped = query.reshape(batch, key.shape[1], -1, width)
    if mask is not None:
        mask = mask.expand(-1, key.shape[1], grouped.shape[2], -1)
    out = scaled_dot_product_attention(grouped, key, value, attn_mask=mask, scale=scaling)
    return out.reshape(batch, 1, heads, value.shape[-1])


AttentionInterface.register(NAME, grouped_sdpa)
AttentionMaskInterface.register(NAME, sdpa_mask)


@contextmanager
def grouped_attention(text_config: Any) -> Iterator[None]:
    """Let the language model attend by `grouped_sdpa` for a while."""
    before = text_config._attn_implementation
    if before != "sdpa":
        yield
        return
    text_config._attn_implementation = NAME
    try:
        yield
    finally:
        text_config._attn_implementation = before


class StepMasks:
    """Additive masks of one new token a row, made once and cut to length at every step."""

    def __init__(self, prompt_mask: Tensor, max_tokens: int, text_config: Any) -> None:
        """Build the masks.

        Args:
            prompt_mask: [B, P] True on prompt tokens.
            max_tokens: Longest response.
            text_config: Configuration of the language model.
        """
        num_rows, self._prompt = prompt_mask.shape
        self._types = sorted(set(layer_types(text_config)))
        self._window: int | None = getattr(text_config, "sliding_window", None)
        self._mask = torch.zeros(
            num_rows, 1, 1, self._prompt + max_tokens, device=prompt_mask.device
        )
        self._lowest = torch.finfo(self._mask.dtype).min
        self._mask[:, 0, 0, : self._prompt].masked_fill_(~prompt_mask, self._lowest)

    def keep(self, rows: Tensor) -> None:
        """Keep these rows, in this order."""
        self._mask = self._mask[rows]

    def at(self, index: int) -> Tensor | dict[str, Tensor]:
        """What the response's token `index` may see, itself included.

        Returns:
            [B, 1, 1, S], by type of layer where there are several.
        """
        length = self._prompt + index + 1
        masks = {kind: self._cut(kind, length) for kind in self._types}
        return masks if len(masks) > 1 else masks[self._types[0]]

    def _cut(self, kind: str, length: int) -> Tensor:
        mask = self._mask[..., :length]
        if kind == "full_attention" or self._window is None or length <= self._window:
            return mask
        mask = mask.clone()
        mask[..., : length - self._window] = self._lowest
        return mask
