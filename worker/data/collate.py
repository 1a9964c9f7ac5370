"""Prompts of one batch: left padding, positions, and pictures encoded once where frozen."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import PreTrainedModel

from backend.contract.errors import TrainingError
from worker.data.prompts import EncodedPrompt
from worker.modeling.forward import encode_picture
from worker.modeling.freezing import is_vision_trained
from worker.modeling.loading import Processor
from worker.tensors.batches import Picture, Prompts


@torch.no_grad()
def collate(
    encoded: Sequence[EncodedPrompt], *, policy: PreTrainedModel, processor: Processor
) -> Prompts:
    """A batch of prompts.

    Where vision tower and connector are frozen, engine, policy and reference share features that
    are computed once per run. Where one of them is trained, patches stay patches: every forward
    pass reads them with the weights that it has.

    Raises:
        TrainingError: a prompt has another number of visual tokens than its picture has features.
    """
    device = policy.device
    longest = max(len(prompt.input_ids) for prompt in encoded)
    input_ids = torch.stack(
        [
            pad(p.input_ids, (longest - len(p.input_ids), 0), value=processor.pad_token_id)
            for p in encoded
        ]
    ).to(device)
    lengths = torch.tensor([len(prompt.input_ids) for prompt in encoded], device=device)
    mask = torch.arange(longest, device=device) >= (longest - lengths).unsqueeze(1)
    is_trained = is_vision_trained(policy)
    pictures = [
        _picture(prompt, policy, processor, is_trained=is_trained) if prompt.picture else None
        for prompt in encoded
    ]
    position_ids = _position_ids(input_ids, mask, pictures, policy, processor)
    return Prompts(
        input_ids=input_ids,
        attention_mask=mask,
        position_ids=position_ids,
        next_position=position_ids.amax(dim=(0, 2)) + 1,
        pictures=tuple(pictures),
        keys=tuple(prompt.key for prompt in encoded),
        sources=tuple(prompt.source for prompt in encoded),
    )


def _picture(
    prompt: EncodedPrompt, policy: PreTrainedModel, processor: Processor, *, is_trained: bool
) -> Picture:
    """The prompt's picture, with features where they do not change, checked against its tokens."""
    picture, cache = prompt.picture, processor.pictures
    assert picture is not None
    num_features = picture.num_tokens
    if not is_trained:
        if picture.features is None:
            picture = cache.features_of(prompt.picture_key) or picture
        if picture.features is None:
            assert picture.patches is not None
            features = encode_picture(policy, picture.patches).cpu()
            picture = replace(picture, features=features, patches=None)
            cache.num_encoded += 1
            cache.keep(prompt.picture_key, picture)
        assert picture.features is not None
        num_features = picture.features.shape[1]
        picture = replace(picture, features=picture.features.to(policy.device))
    num_tokens = int((prompt.input_ids == processor.image_token_id).sum())
    if not num_tokens == num_features == picture.num_tokens:
        raise TrainingError(
            f"problem {prompt.key}: its prompt has {num_tokens} image tokens, its picture "
            f"{num_features} image features ({picture.num_tokens} expected): prompt and picture "
            "were made with different settings"
        )
    return picture


def _position_ids(
    input_ids: Tensor,
    mask: Tensor,
    pictures: Sequence[Picture | None],
    policy: PreTrainedModel,
    processor: Processor,
) -> Tensor:
    """[3, B, P] by the model's own rule for pictures, or [1, B, P] counting the tokens."""
    vision = processor.family.vision
    if vision is None or not vision.has_grid_positions:
        return ((mask.long().cumsum(dim=1) - 1) * mask).unsqueeze(0)
    grids = [picture.grid for picture in pictures if picture is not None]
    encoder: Any = policy.get_submodule("model")
    position_ids, _ = encoder.get_rope_index(
        input_ids,
        mm_token_type_ids=(input_ids == processor.image_token_id).int(),
        image_grid_thw=torch.cat(grids).to(input_ids.device) if grids else None,  # pyright: ignore[reportCallIssue, reportArgumentType]
        attention_mask=mask,
    )
    return position_ids
