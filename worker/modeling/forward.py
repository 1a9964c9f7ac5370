"""Forward passes of every family: pictures, positions, logits or hidden states of responses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel
from transformers.models.qwen3_vl.modeling_qwen3_vl import BaseModelOutputWithDeepstackFeatures

from worker.modeling.families import Vision, family_of
from worker.tensors.batches import Picture, Prompts


@dataclass(frozen=True, kw_only=True, slots=True)
class Hidden:
    """What the output projection reads, and the projection: logits without having them all."""

    states: Tensor
    """[b, R, H] final hidden states; position t predicts token t."""
    weight: Tensor
    """[V, H] of the output projection: logits are states @ weight.T + bias."""
    bias: Tensor | None
    """[V], or None."""


def encode_picture(model: PreTrainedModel, patches: Mapping[str, Tensor]) -> Tensor:
    """What the language model reads in place of a picture, without gradient.

    One picture at a time: so its features do not depend, not even in the last bit, on the
    pictures beside it, and a resumed run that computes them anew finds the same.

    Returns:
        [levels, visual tokens, hidden].
    """
    encoder: Any = model.get_submodule("model")
    inputs = {name: tensor.to(model.device) for name, tensor in patches.items()}
    with torch.no_grad():
        output = encoder.get_image_features(**inputs, return_dict=True)
    levels = [output.pooler_output, *(output.get("deepstack_features") or ())]
    return torch.stack([torch.cat(tuple(level)) for level in levels])


def picture_inputs(model: PreTrainedModel, pictures: Sequence[Picture | None]) -> dict[str, Any]:
    """The pictures of several rows as the model's forward takes them.

    Features of frozen vision parts stand in for pixels; where those are trained, pixels pass
    through the model's own forward, with gradient.
    """
    vision, present = family_of(model).vision, [picture for picture in pictures if picture]
    if vision is None or not present:
        return {}
    features = [picture.features for picture in present if picture.features is not None]
    if len(features) == len(present):
        return {"mm_encoder_outputs": {"image": _as_encoded(vision, features)}}
    assert not features, "pictures of one batch are all encoded or none"
    return {
        name: torch.cat(
            [picture.patches[name] for picture in present if picture.patches is not None],
            dim=axis,
        ).to(model.device)
        for name, axis in vision.inputs.items()
    }


def _as_encoded(vision: Vision, features: Sequence[Tensor]) -> BaseModelOutputWithDeepstackFeatures:
    levels = torch.cat(list(features), dim=1)
    if vision.takes_feature_list:
        pooled, *deepstack = [(level,) for level in levels]
    else:
        pooled, deepstack = levels[0].unsqueeze(1), []
    return BaseModelOutputWithDeepstackFeatures(
        pooler_output=pooled,  # pyright: ignore[reportArgumentType]
        deepstack_features=deepstack,  # pyright: ignore[reportArgumentType]
    )


def response_position_ids(next_position: Tensor, num_tokens: int, num_axes: int = 3) -> Tensor:
    """[axes, B, R] positions of response tokens: all axes go on after the prompt's."""
    steps = torch.arange(num_tokens, device=next_position.device)
    return (next_position.unsqueeze(1) + steps).unsqueeze(0).expand(num_axes, -1, -1)


def sequence_inputs(
    model: PreTrainedModel,
    input_ids: Tensor,
    attention_mask: Tensor,
    position_ids: Tensor,
    pictures: Sequence[Picture | None],
) -> dict[str, Any]:
    """Arguments of a pass over whole sequences, pictures included.

    Args:
        model: Any family's.
        input_ids: [b, L].
        attention_mask: [b, L] True where a token takes part, or a mask of attention itself.
        position_ids: [3, b, L] or [1, b, L], as in `Prompts.position_ids`.
        pictures: In the order in which their tokens occur.
    """
    inputs = {
        "input_ids": input_ids,
        "attention_mask": attention_mask,
        "position_ids": _positions(position_ids),
        **picture_inputs(model, pictures),
    }
    vision = family_of(model).vision
    if vision is not None and vision.sees_whole_pictures:
        inputs["token_type_ids"] = (input_ids == model.config.image_token_id).long()
    return inputs


def _positions(position_ids: Tensor) -> Tensor:
    """Families with one axis take it without a dimension for it."""
    return position_ids if len(position_ids) == 3 else position_ids[0]


def _response_inputs(
    model: PreTrainedModel, prompts: Prompts, tokens: Tensor, response_mask: Tensor
) -> dict[str, Any]:
    after = response_position_ids(prompts.next_position, tokens.shape[1], len(prompts.position_ids))
    return sequence_inputs(
        model,
        torch.cat([prompts.input_ids, tokens], dim=1),
        torch.cat([prompts.attention_mask, response_mask], dim=1),
        torch.cat([prompts.position_ids, after], dim=2),
        prompts.pictures,
    )


def response_logits(
    model: PreTrainedModel, prompts: Prompts, tokens: Tensor, response_mask: Tensor
) -> Tensor:
    """Logits that predict each response token.

    Deviation from the authors' code, which gives all three position axes the same 1-D positions.

    Args:
        model: Policy or reference.
        prompts: b prompts.
        tokens: [b, R] response tokens.
        response_mask: [b, R] True on response tokens.

    Returns:
        [b, R, V] logits in the model's precision; position t predicts token t.
    """
    inputs = _response_inputs(model, prompts, tokens, response_mask)
    output = model(**inputs, use_cache=False, logits_to_keep=tokens.shape[1] + 1)
    return output.logits[:, :-1]


def response_hidden(
    model: PreTrainedModel, prompts: Prompts, tokens: Tensor, response_mask: Tensor
) -> Hidden:
    """What `response_logits` is made of, for log-probabilities computed in parts.

    Args: those of `response_logits`.
    """
    inputs = _response_inputs(model, prompts, tokens, response_mask)
    return sequence_hidden(model, inputs, slice(-tokens.shape[1] - 1, -1))


def sequence_hidden(model: PreTrainedModel, inputs: Mapping[str, Any], columns: slice) -> Hidden:
    """Final hidden states of some columns of a pass over whole sequences.

    The pass goes through the model's own forward, so that a sharded model gathers its weights; of
    the logits only the last column is made.

    Args:
        model: Any family's.
        inputs: Of `sequence_inputs`.
        columns: Which columns are returned; a token is predicted by the column before its own.
    """
    states: list[Tensor] = []

    def catch(_module: Any, _arguments: Any, output: Any) -> None:
        states.append(output[0])

    handle = model.base_model.register_forward_hook(catch)
    try:
        model(**inputs, use_cache=False, logits_to_keep=1)
    finally:
        handle.remove()
    head: Any = model.get_submodule(family_of(model).lm_head)
    return Hidden(
        states=states[0][:, columns],
        weight=head.weight,
        bias=head.bias,
    )


def prefill(model: PreTrainedModel, prompts: Prompts, cache: Cache) -> Tensor:
    """Read prompts into an empty cache.

    Args:
        model: Policy or reference.
        prompts: B prompts.
        cache: Holds nothing; afterwards keys and values of the P columns.

    Returns:
        [B, V] logits of the first response token.
    """
    inputs = sequence_inputs(
        model, prompts.input_ids, prompts.attention_mask, prompts.position_ids, prompts.pictures
    )
    output = model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return output.logits[:, -1]


def decode(
    model: PreTrainedModel,
    tokens: Tensor,
    mask: Tensor | dict[str, Tensor],
    positions: Tensor,
    cache: Cache,
) -> Tensor:
    """Read one response token per row.

    Args:
        model: The model that filled the cache.
        tokens: [B] token ids.
        mask: [B, S] True on cache columns that take part, those of these tokens included; or what
            attention itself takes, [B, 1, 1, S], by type of layer where there are several.
        positions: [B] position of each token: `Prompts.next_position` for a response's first token,
            one more for each token after it.
        cache: Keys and values of what came before.

    Returns:
        [B, V] logits of the token that follows.
    """
    vision = family_of(model).vision
    num_axes = 3 if vision is not None and vision.has_grid_positions else 1
    output = model(
        input_ids=tokens.unsqueeze(1),
        attention_mask=mask,
        position_ids=_positions(response_position_ids(positions, 1, num_axes)),
        past_key_values=cache,
        use_cache=True,
    )
    return output.logits[:, -1]
