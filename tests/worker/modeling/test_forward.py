"""Positions, image features and freezing."""

import hashlib

import torch

from backend.contract.config import DataConfig, TrainedPartsConfig
from backend.contract.datasets import Item
from tests.worker.conftest import QUESTIONS, picture
from worker.data.collate import collate
from worker.data.prompts import encode_prompt
from worker.modeling.forward import response_logits
from worker.modeling.freezing import freeze_parts


def test_logits_are_those_of_the_model_reading_the_pixels_with_its_own_positions(policy, processor):
    """Our cached features and explicit positions against transformers' plain call."""
    encoded = [
        encode_prompt(
            Item(id=str(i), row=1, question=question, answer="1"),
            picture(i, (112 + 28 * i, 84)),
            processor=processor,
            cfg=DataConfig(prompt_suffix=""),
        )
        for i, question in enumerate(QUESTIONS)
    ]
    prompts = collate(encoded, policy=policy, processor=processor)
    tokens = torch.tensor([[11, 12, 13], [14, 15, 16], [17, 18, 19]])
    mask = torch.ones_like(tokens, dtype=torch.bool)
    with torch.no_grad():
        ours = response_logits(policy, prompts, tokens, mask)
        ids = torch.cat([prompts.input_ids, tokens], dim=1)
        theirs = policy(
            input_ids=ids,
            attention_mask=torch.cat([prompts.attention_mask, mask], dim=1),
            pixel_values=torch.cat([p.picture.patches["pixel_values"] for p in encoded]),
            image_grid_thw=torch.cat([p.picture.grid for p in encoded]),
            mm_token_type_ids=(ids == processor.image_token_id).int(),
        ).logits[:, -4:-1]
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_positions_of_a_picture_are_not_those_of_text(policy, processor):
    encoded = encode_prompt(
        Item(id="a", row=1, question=QUESTIONS[0], answer="1"),
        picture(0),
        processor=processor,
        cfg=DataConfig(prompt_suffix=""),
    )
    prompts = collate([encoded], policy=policy, processor=processor)
    is_image = prompts.input_ids[0] == processor.image_token_id
    grid = prompts.position_ids[:, 0, is_image] - prompts.position_ids[:, 0, is_image][:, :1]
    assert grid[0].tolist() == [0] * 16
    assert grid[1].tolist() == [row for row in range(4) for _ in range(4)]
    assert grid[2].tolist() == [0, 1, 2, 3] * 4
    # 16 visual tokens take up 4 positions, so text goes on 12 earlier than its index.
    assert int(prompts.next_position[0]) == prompts.input_ids.shape[1] - 12


def test_vision_tower_and_connector_are_frozen_and_everything_else_is_trained(policy):
    trained = freeze_parts(policy, TrainedPartsConfig())
    names = {name for name, _ in policy.named_parameters()}
    assert {name for name in names if name.startswith("model.visual.")} == names - set(trained)
    assert any("merger" in name for name in names - set(trained))
    assert any(name.startswith("model.language_model.layers.0.") for name in trained)


def digest_of_vision(policy) -> str:
    """Hash of every byte of vision tower and connector."""
    digest = hashlib.sha256()
    for name, tensor in sorted(policy.model.visual.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
