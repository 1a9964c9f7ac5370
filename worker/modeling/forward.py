"""Forward passes with true multimodal positions: image features, logits of responses."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import Qwen2_5_VLForConditionalGeneration
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
    model: Qwen2_5_VLForConditionalGeneration,
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
