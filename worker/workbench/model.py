"""A Qwen2.5-VL of 1.35 million parameters, and its image processor."""

from typing import Any

import torch
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from worker.workbench.drawing import CELL_PIXELS, PICTURE_PIXELS
from worker.workbench.tokenizer import PAD_TOKEN, TURN_END_TOKEN

PATCH_PIXELS = 14
MERGED_PATCHES = 2
HIDDEN_SIZE = 128
ROPE_THETA = 10_000.0


def build_config(tokenizer: PreTrainedTokenizerFast) -> Qwen2_5_VLConfig:
    """The real architecture at a small size, with the token ids of a tokenizer."""
    token_id: Any = tokenizer.convert_tokens_to_ids
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN_SIZE,
        "intermediate_size": 3 * HIDDEN_SIZE,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "max_window_layers": 4,
        "bos_token_id": token_id(PAD_TOKEN),
        "eos_token_id": token_id(TURN_END_TOKEN),
        "pad_token_id": token_id(PAD_TOKEN),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": ROPE_THETA,
            "mrope_section": [4, 6, 6],
        },
    }
    vision = {
        "depth": 2,
        "hidden_size": 96,
        "num_heads": 4,
        "intermediate_size": 192,
        "out_hidden_size": HIDDEN_SIZE,
        "patch_size": PATCH_PIXELS,
        "spatial_merge_size": MERGED_PATCHES,
        "temporal_patch_size": 2,
        "window_size": PICTURE_PIXELS,
        "fullatt_block_indexes": [1],
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
        tie_word_embeddings=True,
    )


def build_model(
    tokenizer: PreTrainedTokenizerFast, *, seed: int
) -> Qwen2_5_VLForConditionalGeneration:
    """The model with random weights from a seed, in float32."""
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(build_config(tokenizer)).float()
    stop_ids: Any = tokenizer.convert_tokens_to_ids([TURN_END_TOKEN, PAD_TOKEN])
    model.generation_config = GenerationConfig(
        eos_token_id=stop_ids,
        pad_token_id=stop_ids[1],
        bos_token_id=stop_ids[1],
        do_sample=True,
        temperature=1.0,
        top_k=0,
    )
    return model


def build_image_processor() -> Qwen2VLImageProcessorPil:
    """Qwen's image processor; pictures of 112 x 112 pixels pass it in their own size."""
    size = {"shortest_edge": CELL_PIXELS**2, "longest_edge": (10 * CELL_PIXELS) ** 2}
    return Qwen2VLImageProcessorPil(
        patch_size=PATCH_PIXELS,
        merge_size=MERGED_PATCHES,
        temporal_patch_size=2,
        size=size,
        min_pixels=size["shortest_edge"],
        max_pixels=size["longest_edge"],
    )
