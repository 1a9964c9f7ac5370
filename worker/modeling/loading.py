"""Loading a model folder: policy, reference, tokenizer and image processor."""

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PreTrainedModel

from backend.contract.errors import ModelInvalidError
from worker.modeling.families import Family, Vision, find_family
from worker.modeling.pictures import PictureCache

PICTURE_CACHE_BYTES = 8 * 2**30
"""Bound of the picture cache where no configuration sets one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Processor:
    """What turns problems into token ids and patches, and back."""

    family: Family
    """The model's entry in the table."""
    config: Any
    """The model's configuration."""
    tokenizer: Any
    """PreTrainedTokenizerBase with the model's chat template."""
    image_processor: Any
    """The family's: a picture to patches. None for a language model."""
    image_token_id: int | None
    """Stands for one visual token; None for a language model."""
    banned_token_ids: tuple[int, ...]
    """Vision tokens: they stand for pictures and can never be sampled."""
    end_token_ids: tuple[int, ...]
    """Each of them ends a response (Qwen's <|im_end|> and <|endoftext|>)."""
    pad_token_id: int
    """Fills rows; never attended to."""
    reserved_texts: tuple[str, ...]
    """What no question may contain: it would be read as a control token or a picture."""
    pictures: PictureCache
    """The pictures read so far."""


def choose_device(name: str) -> torch.device:
    """The device of a configuration's name; auto is a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def load_policy(folder: Path, device: torch.device) -> PreTrainedModel:
    """The model with fp32 weights, without dropout.

    Deviation from the authors' code: weights are fp32, because at the paper's learning rate most
    updates are below bf16's resolution.

    Raises:
        ModelInvalidError: the folder's `model_type` is not in the table of families.
    """
    policy: Any = _read_family(folder).model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="sdpa", local_files_only=True
    )
    policy.eval()
    return policy.to(device)


def copy_reference(policy: PreTrainedModel) -> PreTrainedModel:
    """A frozen copy of the policy; parameters that are frozen in the policy are shared."""
    shared: dict[int, Any] = {id(p): p for p in policy.parameters() if not p.requires_grad}
    reference = copy.deepcopy(policy, shared)
    reference.requires_grad_(False)
    return reference


def load_processor(
    folder: Path, max_image_pixels: int | None, *, cache_bytes: int = PICTURE_CACHE_BYTES
) -> Processor:
    """Tokenizer and image processor of a model folder.

    Args:
        folder: Of the model.
        max_image_pixels: Pictures are scaled down to that; None keeps the model's own limit.
        cache_bytes: Bound on the memory of pictures that were read.

    Raises:
        ModelInvalidError: a token that the loop needs is not in the vocabulary, there is no chat
            template, or image processor and model disagree.
        InvalidInputError: the model cannot read pictures that small.
    """
    family = _read_family(folder)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    _take_chat_template(tokenizer, folder)
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    vision = family.vision
    banned = _vision_tokens(vision, vocabulary) if vision is not None else {}
    ends = _end_tokens(folder, family, tokenizer, vocabulary)
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    pad = tokenizer.pad_token_id
    return Processor(
        family=family,
        config=config,
        tokenizer=tokenizer,
        image_processor=vision and _load_image_processor(folder, vision, config, max_image_pixels),
        image_token_id=vision and vocabulary[vision.visual_token],
        banned_token_ids=tuple(sorted(banned.values())),
        end_token_ids=tuple(sorted(ends)),
        pad_token_id=min(ends) if pad is None else pad,
        reserved_texts=tuple(sorted(special | set(banned) | {"<image>", "<video>"})),
        pictures=PictureCache(cache_bytes),
    )


def _read_family(folder: Path) -> Family:
    return find_family(json.loads((folder / "config.json").read_text())["model_type"])


def _take_chat_template(tokenizer: Any, folder: Path) -> None:
    """Older folders keep the template that knows pictures beside the tokenizer's files."""
    beside = folder / "chat_template.json"
    if beside.exists():
        tokenizer.chat_template = json.loads(beside.read_text())["chat_template"]
    if tokenizer.chat_template is None:
        raise ModelInvalidError(
            f"{folder.name}: no chat template: one is needed in tokenizer_config.json, "
            "chat_template.jinja or chat_template.json"
        )


def _vision_tokens(vision: Vision, vocabulary: dict[str, int]) -> dict[str, int]:
    needed = (vision.placeholder, vision.visual_token)
    _check_vocabulary(needed, vocabulary)
    pattern = re.compile(vision.tokens)
    return {token: index for token, index in vocabulary.items() if pattern.fullmatch(token)}


def _end_tokens(
    folder: Path, family: Family, tokenizer: Any, vocabulary: dict[str, int]
) -> set[int]:
    _check_vocabulary(family.end_tokens, vocabulary)
    ends = {vocabulary[token] for token in family.end_tokens}
    if (folder / "generation_config.json").exists():
        configured = GenerationConfig.from_pretrained(folder, local_files_only=True).eos_token_id
        ends.update([configured] if isinstance(configured, int) else configured or [])
    if tokenizer.eos_token_id is not None:
        ends.add(tokenizer.eos_token_id)
    if not ends:
        raise ModelInvalidError(
            f"{folder.name}: no token ends a response: eos_token is set neither in "
            "tokenizer_config.json nor in generation_config.json"
        )
    return ends


def _check_vocabulary(tokens: tuple[str, ...], vocabulary: dict[str, int]) -> None:
    missing = [token for token in tokens if token not in vocabulary]
    if missing:
        raise ModelInvalidError(f"the tokenizer has no {', '.join(missing)}")


def _load_image_processor(
    folder: Path, vision: Vision, config: Any, max_image_pixels: int | None
) -> Any:
    load = vision.image_processor.from_pretrained
    image_processor = load(folder, local_files_only=True)
    if max_image_pixels is not None:
        limits = vision.limits(image_processor, max_image_pixels)
        image_processor = load(folder, local_files_only=True, **limits)
    different = [
        f"{name} is {ours} in preprocessor_config.json and {theirs} in config.json"
        for name, ours, theirs in vision.geometry(image_processor, config)
        if ours != theirs
    ]
    if different:
        raise ModelInvalidError(
            f"{folder.name}: image processor and model disagree: {'; '.join(different)}; there "
            "would be another number of image tokens than of image features"
        )
    return image_processor
