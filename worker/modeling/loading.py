"""Loading a model folder: policy, reference, tokenizer and image processor."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    PreTrainedModel,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from backend.contract.errors import ModelInvalidError

VISION_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
END_TOKENS = ("<|im_end|>", "<|endoftext|>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """What turns problems into token ids and patches, and back."""

    tokenizer: Any
    """PreTrainedTokenizerBase with the model's chat template."""
    image_processor: Any
    """Qwen2VLImageProcessorPil: an image to patches and their grid."""
    image_token_id: int
    """Placeholder of one visual token."""
    banned_token_ids: tuple[int, ...]
    """Vision tokens: they stand for pictures and can never be sampled."""
    end_token_ids: tuple[int, ...]
    """Each of them ends a response (Qwen's <|im_end|> and <|endoftext|>)."""
    pad_token_id: int
    """Fills rows; never attended to."""


def choose_device(name: str) -> torch.device:
    """The device of a configuration's name; auto is a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def load_policy(folder: Path, device: torch.device) -> PreTrainedModel:
    """The model with fp32 weights, without dropout.

    Deviation from the authors' code: weights are fp32, because at the paper's learning rate most
    updates are below bf16's resolution.
    """
    policy: Any = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa", local_files_only=True
    )
    policy.eval()
    return policy.to(device)


def copy_reference(policy: PreTrainedModel) -> PreTrainedModel:
    """A frozen copy of the policy; the vision tower, which is never trained, is shared."""
    visual = policy.get_submodule("model.visual")
    reference = copy.deepcopy(policy, {id(visual): visual})
    reference.requires_grad_(False)
    return reference


def load_processor(folder: Path, max_image_pixels: int | None) -> Processor:
    """Tokenizer and image processor of a model folder.

    Raises:
        ModelInvalidError: a token that the loop needs is not in the vocabulary.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    image_processor = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
    size = image_processor.size
    if max_image_pixels is not None and max_image_pixels < size["longest_edge"]:
        limits = {"shortest_edge": size["shortest_edge"], "longest_edge": max_image_pixels}
        image_processor = Qwen2VLImageProcessorPil.from_pretrained(
            folder, local_files_only=True, size=limits
        )
    vocabulary = tokenizer.get_vocab()
    missing = [token for token in (*VISION_TOKENS, *END_TOKENS) if token not in vocabulary]
    if missing:
        raise ModelInvalidError(f"the tokenizer has no {', '.join(missing)}")
    ends = {vocabulary[token] for token in END_TOKENS}
    configured = GenerationConfig.from_pretrained(folder, local_files_only=True).eos_token_id
    ends.update([configured] if isinstance(configured, int) else configured or [])
    return Processor(
        tokenizer=tokenizer,
        image_processor=image_processor,
        image_token_id=vocabulary["<|image_pad|>"],
        banned_token_ids=tuple(sorted(vocabulary[token] for token in VISION_TOKENS)),
        end_token_ids=tuple(sorted(ends)),
        pad_token_id=vocabulary["<|endoftext|>"],
    )
