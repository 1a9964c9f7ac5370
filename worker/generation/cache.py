"""A key-value cache whose memory is set aside in blocks and whose rows can leave."""

from typing import Any

from torch import Tensor
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin

from backend.contract.errors import TrainingError

ATTENTION_TYPES = ("full_attention", "sliding_attention")
"""Kinds of layer whose past is keys and values by position; a window is the mask's business."""
BLOCK = 128
"""Columns set aside at first; each time they run out, half as many again as there are."""


class _Layer(CacheLayerMixin):
    """Keys and values of one layer: those of the prompts as they came, then rows in a buffer."""

    keys: Tensor  # pyright: ignore[reportIncompatibleVariableOverride]
    values: Tensor  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self) -> None:
        super().__init__()
        self.num_rows = 0
        self.length = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys, self.values = key_states, value_states
        self.num_rows, _, self.length, _ = key_states.shape
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            return key_states, value_states
        stop = self.length + key_states.shape[2]
        if stop > self.keys.shape[2]:
            self.set_aside(max(stop, self.length + self.length // 2))
        rows = slice(self.num_rows)
        self.keys[rows, :, self.length : stop] = key_states
        self.values[rows, :, self.length : stop] = value_states
        self.length = stop
        return self.keys[rows, :, :stop], self.values[rows, :, :stop]

    def set_aside(self, capacity: int, rows: Tensor | None = None) -> None:
        """Move to buffers of this many columns: the present rows, or those chosen of them."""
        self.keys = self._moved(self.keys, capacity, rows)  # pyright: ignore[reportIncompatibleVariableOverride]
        self.values = self._moved(self.values, capacity, rows)  # pyright: ignore[reportIncompatibleVariableOverride]
        self.num_rows = len(self.keys)

    def _moved(self, old: Tensor, capacity: int, rows: Tensor | None) -> Tensor:
        num_rows = self.num_rows if rows is None else len(rows)
        buffer = old.new_empty(num_rows, old.shape[1], capacity, old.shape[3])
        past = old[: self.num_rows, :, : self.length]
        buffer[:, :, : self.length] = past if rows is None else past[rows]
        return buffer

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return -1


class DecodingCache(Cache):
    """The past of a decoding batch.

    The first forward pass reads prompts, each of them once; `spread` gives every response the past
    of its prompt; after that each pass appends a column in place. Rows that have ended are
    overwritten by others (`move`), so that those left are the first ones and no copy is made of
    the rest. A sliding layer keeps its whole past too: its window is the mask's business.
    """

    layers: list[_Layer]

    def __init__(self, text_config: Any) -> None:
        """Build an empty cache.

        Args:
            text_config: Configuration of the language model.

        Raises:
            TrainingError: a layer's past is not keys and values by position.
        """
        types = layer_types(text_config)
        other = sorted(set(types) - set(ATTENTION_TYPES))
        if other:
            raise TrainingError(
                f"the transformers engine cannot decode {text_config.model_type}: its layers of "
                f"type {', '.join(other)} need another cache than {', '.join(ATTENTION_TYPES)}"
            )
        super().__init__(layers=[_Layer() for _ in types])

    @property
    def num_rows(self) -> int:
        """Rows of the batch."""
        return self.layers[0].num_rows

    def spread(self, prompt_index: Tensor) -> None:
        """Give row i the past of prompt `prompt_index[i]`, with room for more columns."""
        for layer in self.layers:
            layer.set_aside(layer.length + BLOCK, prompt_index)

    def move(self, sources: Tensor, targets: Tensor, num_rows: int) -> None:
        """Copy rows over ended ones and keep the first `num_rows`."""
        for layer in self.layers:
            past = slice(layer.length)
            layer.keys[targets, :, past] = layer.keys[sources, :, past]
            layer.values[targets, :, past] = layer.values[sources, :, past]
            layer.num_rows = num_rows


def layer_types(text_config: Any) -> list[str]:
    """The kind of attention of each layer; a configuration that names none has full attention."""
    types = getattr(text_config, "layer_types", None)
    return list(types or ["full_attention"] * text_config.num_hidden_layers)
