"""One decoding step of decoders built like Llama's, with as few operations as it has.

transformers' layers read one token in about 45 operations each, most of them for generality. At
small batches the number of operations is what a step costs: this one takes half as long.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Linear
from torch.nn.functional import embedding, linear, rms_norm, silu
from transformers import PreTrainedModel
from transformers.models.llama.modeling_llama import LlamaDecoderLayer
from transformers.models.qwen2.modeling_qwen2 import Qwen2DecoderLayer
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLDecoderLayer
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLDecoderLayer

from worker.generation.attention import attend
from worker.generation.cache import DecodingCache

LLAMA_LIKE = (LlamaDecoderLayer, Qwen2DecoderLayer, Qwen2VLDecoderLayer, Qwen2_5_VLDecoderLayer)
"""Layers that are: norm, attention with rotary positions, norm, gated MLP, and nothing else."""


def is_llama_like(model: PreTrainedModel) -> bool:
    """Whether `DecoderStep` computes what the model's own forward does.

    Not so with adapters or weights that are sharded: those act in the modules' own forward.
    """
    text: Any = text_model(model)
    layers = list(getattr(text, "layers", []))
    return (
        all(type(layer) in LLAMA_LIKE for layer in layers)
        and text.config.hidden_act == "silu"
        and text.config.rope_parameters["rope_type"] == "default"
        and all(
            type(parameter) is torch.nn.Parameter and module_type in (Linear, torch.nn.Embedding)
            for module_type, parameter in _weights(model)
        )
    )


def _weights(model: PreTrainedModel) -> list[tuple[type, Any]]:
    text: Any = text_model(model)
    head: Any = model.get_output_embeddings()
    modules = [text.embed_tokens, head]
    for layer in text.layers:
        attention, mlp = layer.self_attn, layer.mlp
        modules += [attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj]
        modules += [mlp.gate_proj, mlp.up_proj, mlp.down_proj]
    return [(type(module), getattr(module, "weight", None)) for module in modules]


def text_model(model: PreTrainedModel) -> Any:
    """The decoder: embeddings, layers, norm."""
    return model.get_decoder()


class DecoderStep:
    """Reads one response token a row, as `worker.modeling.forward.decode` does."""

    def __init__(self, model: PreTrainedModel, cache: DecodingCache, num_positions: int) -> None:
        """Prepare for one batch of responses.

        Args:
            model: For which `is_llama_like` holds.
            cache: Of that batch.
            num_positions: No position reaches this.
        """
        self._text = text_model(model)
        self._head: Any = model.get_output_embeddings()
        self._cache = cache
        # Response tokens have the same position on all axes, so one axis is enough of a table.
        positions = torch.arange(num_positions, device=model.device).unsqueeze(0)
        cos, sin = self._text.rotary_emb(self._text.embed_tokens.weight[:1], positions)
        half = cos.shape[-1] // 2
        self._cos = cos[0].unsqueeze(1)
        # With the sign of (-x2, x1) in the sine, rotating is rolling.
        self._sin = torch.cat([-sin[0, :, :half], sin[0, :, half:]], dim=-1).unsqueeze(1)

    def __call__(self, tokens: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        """[B, V] logits of the token that follows.

        Args:
            tokens: [B].
            mask: [B, 1, 1, S] additive.
            positions: [B].
        """
        hidden = embedding(tokens, self._text.embed_tokens.weight)
        rotation = self._cos[positions], self._sin[positions]
        for layer, past in zip(self._text.layers, self._cache.layers, strict=True):
            hidden = hidden + self._attention(layer, hidden, past, mask, rotation)
            normed = _norm(hidden, layer.post_attention_layernorm)
            mlp = layer.mlp
            gate = silu(_project(normed, mlp.gate_proj), inplace=True)
            hidden = hidden + _project(gate.mul_(_project(normed, mlp.up_proj)), mlp.down_proj)
        return _project(_norm(hidden, self._text.norm), self._head)

    @staticmethod
    def _attention(
        layer: Any, hidden: Tensor, past: Any, mask: Tensor, rotation: tuple[Tensor, Tensor]
    ) -> Tensor:
        attention, normed = layer.self_attn, _norm(hidden, layer.input_layernorm)
        width, (cos, sin) = attention.head_dim, rotation
        projected = [_project(normed, attention.q_proj), _project(normed, attention.k_proj)]
        both = torch.cat(projected, dim=-1).unflatten(-1, (-1, width))
        both = torch.addcmul(both * cos, both.roll(width // 2, dims=-1), sin)
        num_heads = projected[0].shape[-1] // width
        query, key = both.unsqueeze(2).split([num_heads, both.shape[1] - num_heads], dim=1)
        value = _project(normed, attention.v_proj).unflatten(-1, (-1, 1, width))
        keys, values = past.update(key, value)
        out = attend(query, keys, values, mask, attention.scaling)
        return _project(out.flatten(1), attention.o_proj)


def _norm(hidden: Tensor, norm: Any) -> Tensor:
    return rms_norm(hidden, hidden.shape[-1:], norm.weight, norm.variance_epsilon)


def _project(inputs: Tensor, module: Any) -> Tensor:
    return linear(inputs, module.weight, module.bias)
