"""Forward passes with true multimodal positions: image features, logits of responses."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

from worker.tensors.batches import Prompts


def image_inputs(features: Sequence[Tensor | None]) -> dict[str, BaseModelOutputWithPooling]:
    """Image features of several rows in the form that the model takes in place of pixels."""
    present = tuple(feature for feature in features if feature is not None)
    return {"image": BaseModelOutputWithPooling(pooler_output=present)} if present else {}  # pyright: ignore[reportArgumentType]


def response_position_ids(next_position: Tensor, num_tokens: int) -> Tensor:
    """[3, B, R] positions of response tokens: all three axes go on after the prompt's."""
    steps = torch.arange(num_tokens, device=next_position.device)
    return (next_position.unsqueeze(1) + steps).unsqueeze(0).expand(3, -1, -1)


def response_logits(
    model: PreTrainedModel,
    prompts: Prompts,
    tokens: Tensor,
    response_mask: Tensor,
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
    num_tokens = tokens.shape[1]
    output = model(
        input_ids=torch.cat([prompts.input_ids, tokens], dim=1),
        attention_mask=torch.cat([prompts.attention_mask, response_mask], dim=1),
        position_ids=torch.cat(
            [prompts.position_ids, response_position_ids(prompts.next_position, num_tokens)], dim=2
        ),
        mm_encoder_outputs=image_inputs(prompts.image_features),
        use_cache=False,
        logits_to_keep=num_tokens + 1,
    )
    return output.logits[:, :-1]


def prefill(model: PreTrainedModel, prompts: Prompts, cache: Cache) -> Tensor:
    """Read prompts into an empty cache.

    Args:
        model: Policy or reference.
        prompts: B prompts.
        cache: Holds nothing; afterwards keys and values of the P columns.

    Returns:
        [B, V] logits of the first response token.
    """
    output = model(
        input_ids=prompts.input_ids,
        attention_mask=prompts.attention_mask,
        position_ids=prompts.position_ids,
        mm_encoder_outputs=image_inputs(prompts.image_features),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return output.logits[:, -1]


def decode(
    model: PreTrainedModel, tokens: Tensor, mask: Tensor, positions: Tensor, cache: Cache
) -> Tensor:
    """Read one response token per row.

    Args:
        model: The model that filled the cache.
        tokens: [B] token ids.
        mask: [B, S] True on cache columns that take part, those of these tokens included; a
            four-dimensional additive or boolean mask is handed to attention as it is.
        positions: [B] position of each token: `Prompts.next_position` for a response's first token,
            one more for each token after it.
        cache: Keys and values of what came before.

    Returns:
        [B, V] logits of the token that follows.
    """
    output = model(
        input_ids=tokens.unsqueeze(1),
        attention_mask=mask,
        position_ids=response_position_ids(positions, 1),
        past_key_values=cache,
        use_cache=True,
    )
    return output.logits[:, -1]
