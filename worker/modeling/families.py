"""The model families that can be trained: one entry each, by the `model_type` of config.json.

Everything that differs between families is said here, and nowhere by the name of a class.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transformers import (
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessorPil,
    GotOcr2ImageProcessorPil,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    InternVLForConditionalGeneration,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2ForCausalLM,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3ForCausalLM,
    Qwen3VLForConditionalGeneration,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessorPil,
)

from backend.contract.errors import ModelInvalidError
from worker.modeling import placeholders


@dataclass(frozen=True, kw_only=True, slots=True)
class Vision:
    """How a family reads pictures."""

    tower: str
    """Path of the module that encodes pictures."""
    connectors: tuple[str, ...]
    """Paths of the modules that turn its output into tokens; they may lie inside the tower."""
    image_processor: type[Any]
    """What makes patches of a picture, with PIL alone."""
    options: Mapping[str, Any]
    """Options of the image processor that the family sets whatever the model's folder says."""
    placeholder: str
    """What the chat template writes where a picture stands; one for each picture."""
    visual_token: str
    """Stands for one visual token in the prompt that the model reads."""
    tokens: str
    """Regular expression of all tokens that stand for pictures or videos: never sampled."""
    expansion: Callable[[Mapping[str, Any], Any], str]
    """Text that takes the placeholder's place, from the image processor's output and the model's
    configuration."""
    foretell: Callable[[Any, int, int], Mapping[str, Any]]
    """What `expansion` needs, from image processor, height and width alone: for counting tokens
    before any picture is decoded."""
    limits: Callable[[Any, int], dict[str, Any]]
    """Settings of an image processor that keep a picture within a number of pixels."""
    geometry: Callable[[Any, Any], tuple[tuple[str, Any, Any], ...]]
    """What image processor and model must agree on: (name, the processor's, the model's)."""
    inputs: Mapping[str, int]
    """Inputs of the vision tower, and the axis along which those of several pictures are joined."""
    has_grid_positions: bool = False
    """Positions in time, height and width (M-RoPE) in place of one axis."""
    takes_feature_list: bool = False
    """The forward takes features as a list over pictures, not as blocks of tokens."""
    sees_whole_pictures: bool = False
    """Visual tokens of a picture attend to one another in both directions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """One family of models."""

    model_class: type[PreTrainedModel]
    """What is built from a model folder."""
    language_model: str
    """Path of the module with embeddings and decoder layers."""
    end_tokens: tuple[str, ...]
    """Tokens that end a response besides those of the model's folder."""
    vision: Vision | None
    """How it reads pictures; None for a language model."""
    lm_head: str = "lm_head"
    """Path of the output projection."""


def _qwen_vision(*connectors: str) -> Vision:
    return Vision(
        tower="model.visual",
        connectors=connectors,
        image_processor=Qwen2VLImageProcessorPil,
        options={},
        placeholder="<|image_pad|>",
        visual_token="<|image_pad|>",
        tokens=r"<\|(vision_start|vision_end|vision_pad|image_pad|video_pad)\|>",
        expansion=placeholders.qwen_expansion,
        foretell=placeholders.qwen_foretell,
        limits=placeholders.qwen_limits,
        geometry=placeholders.qwen_geometry,
        inputs={"pixel_values": 0, "image_grid_thw": 0},
        has_grid_positions=True,
        takes_feature_list=True,
    )


def _qwen_vl(model_class: type[PreTrainedModel], *connectors: str) -> Family:
    return Family(
        model_class=model_class,
        language_model="model.language_model",
        end_tokens=("<|im_end|>", "<|endoftext|>"),
        vision=_qwen_vision("model.visual.merger", *connectors),
    )


def _idefics(model_class: type[PreTrainedModel], image_processor: type[Any]) -> Family:
    return Family(
        model_class=model_class,
        language_model="model.text_model",
        end_tokens=("<end_of_utterance>",),
        vision=Vision(
            tower="model.vision_model",
            connectors=("model.connector",),
            image_processor=image_processor,
            options={"return_row_col_info": True},
            placeholder="<image>",
            visual_token="<image>",
            tokens=r"<(image|video|fake_token_around_image|global-img|row_\d+_col_\d+)>",
            expansion=placeholders.idefics_expansion,
            foretell=placeholders.idefics_foretell,
            limits=placeholders.idefics_limits,
            geometry=placeholders.idefics_geometry,
            inputs={"pixel_values": 1, "pixel_attention_mask": 1},
        ),
    )


def _language_model(model_class: type[PreTrainedModel], *end_tokens: str) -> Family:
    return Family(
        model_class=model_class, language_model="model", end_tokens=end_tokens, vision=None
    )


FAMILIES: Mapping[str, Family] = {
    "qwen2_vl": _qwen_vl(Qwen2VLForConditionalGeneration),
    "qwen2_5_vl": _qwen_vl(Qwen2_5_VLForConditionalGeneration),
    "qwen3_vl": _qwen_vl(Qwen3VLForConditionalGeneration, "model.visual.deepstack_merger_list"),
    "smolvlm": _idefics(SmolVLMForConditionalGeneration, SmolVLMImageProcessorPil),
    "idefics3": _idefics(Idefics3ForConditionalGeneration, Idefics3ImageProcessorPil),
    "internvl": Family(
        model_class=InternVLForConditionalGeneration,
        language_model="model.language_model",
        end_tokens=("<|im_end|>",),
        vision=Vision(
            tower="model.vision_tower",
            connectors=("model.multi_modal_projector",),
            image_processor=GotOcr2ImageProcessorPil,
            options={"crop_to_patches": True},
            placeholder="<IMG_CONTEXT>",
            visual_token="<IMG_CONTEXT>",
            tokens=r"</?img>|<IMG_CONTEXT>|<video>",
            expansion=placeholders.internvl_expansion,
            foretell=placeholders.internvl_foretell,
            limits=placeholders.internvl_limits,
            geometry=placeholders.tile_geometry,
            inputs={"pixel_values": 0},
        ),
    ),
    "gemma3": Family(
        model_class=Gemma3ForConditionalGeneration,
        language_model="model.language_model",
        end_tokens=("<end_of_turn>",),
        vision=Vision(
            tower="model.vision_tower",
            connectors=("model.multi_modal_projector",),
            image_processor=Gemma3ImageProcessorPil,
            options={"do_pan_and_scan": False},
            placeholder="<start_of_image>",
            visual_token="<image_soft_token>",
            tokens=r"<(start_of_image|end_of_image|image_soft_token)>",
            expansion=placeholders.gemma_expansion,
            foretell=lambda image_processor, height, width: {},
            limits=placeholders.gemma_limits,
            geometry=placeholders.tile_geometry,
            inputs={"pixel_values": 0},
            sees_whole_pictures=True,
        ),
    ),
    "qwen2": _language_model(Qwen2ForCausalLM, "<|im_end|>", "<|endoftext|>"),
    "qwen3": _language_model(Qwen3ForCausalLM, "<|im_end|>", "<|endoftext|>"),
    "llama": _language_model(LlamaForCausalLM),
}
"""`model_type` to family. Adding a family is adding an entry here, and its name to the API's list
(`backend/api/services/model_import.py`)."""


def find_family(model_type: str) -> Family:
    """The family of a configuration's `model_type`.

    Raises:
        ModelInvalidError: it is not in the table; the message lists what is.
    """
    if model_type not in FAMILIES:
        raise ModelInvalidError(
            f"config.json: model_type {model_type!r}, allowed: {', '.join(FAMILIES)}"
        )
    return FAMILIES[model_type]


def family_of(model: PreTrainedModel) -> Family:
    """The family of a loaded model."""
    return find_family(model.config.model_type)
