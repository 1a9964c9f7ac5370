"""A tiny random model of every family, in a folder as an import stores it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    Gemma3Config,
    GenerationConfig,
    Idefics3Config,
    InternVLConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2Config,
    Qwen2VLConfig,
    Qwen3Config,
    Qwen3VLConfig,
    SmolVLMConfig,
)

from worker.modeling.families import FAMILIES

TEXTS = (
    "How many circles are in picture 3? Is it red?",
    "What is 3 plus 4, and why is it not the same as 5?",
    "Answer in \\boxed{}. The answer is \\boxed{7}.",
)
QWEN = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
IDEFICS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<global-img>",
    "<image>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)),
)
INTERNVL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<img>",
    "</img>",
    "<IMG_CONTEXT>",
    "<video>",
)
GEMMA = (
    "<pad>",
    "<bos>",
    "<end_of_turn>",
    "<start_of_turn>",
    "<start_of_image>",
    "<end_of_image>",
    "<image_soft_token>",
)
LLAMA = (
    "<|end_of_text|>",
    "<|begin_of_text|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
)
PARTS = (
    "{%- for part in message.content %}{%- if part.type == 'image' %}{{- 'IMAGE' }}"
    "{%- else %}{{- part.text }}{%- endif %}{%- endfor %}"
)
CHAT = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "CONTENT{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
QWEN_CHAT = CHAT.replace("CONTENT", PARTS).replace(
    "IMAGE", "<|vision_start|><|image_pad|><|vision_end|>"
)
TEXT_CHAT = CHAT.replace("CONTENT", "{{- message.content }}")
INTERNVL_CHAT = CHAT.replace("CONTENT", PARTS).replace("IMAGE", "<IMG_CONTEXT>\\n")
IDEFICS_CHAT = (
    "{{- '<|im_start|>' }}{%- for message in messages %}{{- message.role | capitalize + ':' }}"
    f"{PARTS}{{{{- '<end_of_utterance>\\n' }}}}{{%- endfor %}}"
    "{%- if add_generation_prompt %}{{- 'Assistant:' }}{%- endif %}"
).replace("IMAGE", "<image>")
GEMMA_CHAT = (
    "{{- '<bos>' }}{%- for message in messages %}{{- '<start_of_turn>' + message.role + '\\n' }}"
    f"{PARTS}{{{{- '<end_of_turn>\\n' }}}}{{%- endfor %}}"
    "{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}"
).replace("IMAGE", "<start_of_image>")
LLAMA_CHAT = (
    "{{- '<|begin_of_text|>' }}{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' }}"
    "{{- message.content + '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"
)
GRID_ROPE = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}


def train_family_tokenizer(special: tuple[str, ...], chat_template: str) -> PreTrainedTokenizerFast:
    """A byte-level BPE; the first special token pads, the third ends a turn."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=special[0],
        eos_token=special[2],
        additional_special_tokens=list(special),
        chat_template=chat_template,
        clean_up_tokenization_spaces=False,
    )


def text_settings(tokenizer: PreTrainedTokenizerFast, **more: Any) -> dict[str, Any]:
    """Two layers of 32 numbers, two heads that share one key head."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
    } | more


TOWER = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 7,
}


def _qwen_tokens(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    names = ("vision_start", "vision_end", "image", "video")
    words = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    ids: Any = tokenizer.convert_tokens_to_ids(list(words))
    return {f"{name}_token_id": token for name, token in zip(names, ids, strict=True)}


def _qwen2_vl(tokenizer: PreTrainedTokenizerFast) -> Any:
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2}
    text = text_settings(tokenizer, rope_parameters=GRID_ROPE)
    return Qwen2VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=False, **_qwen_tokens(tokenizer)
    )


def _qwen2_5_vl(tokenizer: PreTrainedTokenizerFast) -> Any:
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "num_heads": 2,
        "intermediate_size": 64,
        "out_hidden_size": 32,
        "fullatt_block_indexes": [1],
    }
    text = text_settings(tokenizer, rope_parameters=GRID_ROPE)
    return Qwen2_5_VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=False, **_qwen_tokens(tokenizer)
    )


def _qwen3_vl(tokenizer: PreTrainedTokenizerFast) -> Any:
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "num_heads": 2,
        "intermediate_size": 64,
        "out_hidden_size": 32,
        "patch_size": 16,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
    }
    rope = GRID_ROPE | {"mrope_interleaved": True}
    text = text_settings(tokenizer, rope_parameters=rope, tie_word_embeddings=True)
    return Qwen3VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=True, **_qwen_tokens(tokenizer)
    )


def _idefics(config_class: Any) -> Callable[[PreTrainedTokenizerFast], Any]:
    def build(tokenizer: PreTrainedTokenizerFast) -> Any:
        return config_class(
            text_config=text_settings(tokenizer, model_type="llama"),
            vision_config=TOWER,
            scale_factor=2,
            image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
            tie_word_embeddings=False,
            pad_token_id=0,
        )

    return build


def _internvl(tokenizer: PreTrainedTokenizerFast) -> Any:
    return InternVLConfig(
        text_config=text_settings(tokenizer, model_type="qwen2"),
        vision_config=TOWER | {"image_size": [28, 28], "patch_size": [7, 7]},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        tie_word_embeddings=False,
    )


def _gemma3(tokenizer: PreTrainedTokenizerFast) -> Any:
    kinds = ["sliding_attention", "full_attention"]
    text = text_settings(tokenizer, layer_types=kinds, sliding_window=24, tie_word_embeddings=True)
    return Gemma3Config(
        text_config=text,
        vision_config=TOWER,
        mm_tokens_per_image=4,
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
        tie_word_embeddings=True,
    )


TILES = {"do_image_splitting": True, "max_image_size": {"longest_edge": 28}}
RECIPES: dict[str, tuple[tuple[str, ...], str, Callable[..., Any], dict[str, Any]]] = {
    "qwen2_vl": (QWEN, QWEN_CHAT, _qwen2_vl, {"patch_size": 14}),
    "qwen2_5_vl": (QWEN, QWEN_CHAT, _qwen2_5_vl, {"patch_size": 14}),
    "qwen3_vl": (QWEN, QWEN_CHAT, _qwen3_vl, {"patch_size": 16}),
    "smolvlm": (
        IDEFICS,
        IDEFICS_CHAT,
        _idefics(SmolVLMConfig),
        TILES | {"size": {"longest_edge": 56}},
    ),
    "idefics3": (
        IDEFICS,
        IDEFICS_CHAT,
        _idefics(Idefics3Config),
        TILES | {"size": {"longest_edge": 56}},
    ),
    "internvl": (
        INTERNVL,
        INTERNVL_CHAT,
        _internvl,
        {"size": {"height": 28, "width": 28}, "max_patches": 4},
    ),
    "gemma3": (GEMMA, GEMMA_CHAT, _gemma3, {"size": {"height": 28, "width": 28}}),
    "qwen2": (QWEN[:3], TEXT_CHAT, lambda t: Qwen2Config(**text_settings(t)), {}),
    "qwen3": (QWEN[:3], TEXT_CHAT, lambda t: Qwen3Config(**text_settings(t)), {}),
    "llama": (
        LLAMA,
        LLAMA_CHAT,
        lambda t: LlamaConfig(**text_settings(t, tie_word_embeddings=True)),
        {},
    ),
}
"""`model_type` to special tokens, chat template, configuration and image processor's settings."""


def build_family_folder(model_type: str, folder: Path) -> Path:
    """Write a tiny random model of a family, with tokenizer and image processor."""
    special, chat_template, build_config, settings = RECIPES[model_type]
    family = FAMILIES[model_type]
    tokenizer = train_family_tokenizer(special, chat_template)
    torch.manual_seed(0)
    model: Any = family.model_class._from_config(build_config(tokenizer), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                if not parameter.any():
                    parameter.normal_(std=0.05)  # Gemma 3's projector begins at 0
                # Random initialisation is nearly uniform over tokens: sharpen it, so that
                # probabilities have something to tell apart.
                parameter.mul_(4.0)
    model.generation_config = GenerationConfig(eos_token_id=[2], pad_token_id=0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if family.vision is not None:
        family.vision.image_processor(**settings).save_pretrained(folder)
    return folder
