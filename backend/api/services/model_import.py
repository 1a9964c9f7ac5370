"""Import of a model: a Hugging Face folder that holds data only, never code.

Nothing in the folder is executed or unpickled: JSON files are parsed, weights are read by their
safetensors headers, and what is not on the list of allowed files is refused.
"""

import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from backend.api.services.atomic_folder import new_folder
from backend.api.services.safetensors_header import read_num_parameters
from backend.contract.artifacts import Home
from backend.contract.config import Slug
from backend.contract.errors import InvalidInputError, ModelInvalidError

READERS_OF_PICTURES = {
    "qwen2_vl": "Qwen2VLForConditionalGeneration",
    "qwen2_5_vl": "Qwen2_5_VLForConditionalGeneration",
    "qwen3_vl": "Qwen3VLForConditionalGeneration",
    "smolvlm": "SmolVLMForConditionalGeneration",
    "idefics3": "Idefics3ForConditionalGeneration",
    "internvl": "InternVLForConditionalGeneration",
    "gemma3": "Gemma3ForConditionalGeneration",
}
LANGUAGE_MODELS = {
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "llama": "LlamaForCausalLM",
}
ARCHITECTURES = READERS_OF_PICTURES | LANGUAGE_MODELS
"""`model_type` to the class that the worker builds from it: the model families supported, the same
as in `worker/modeling/families.py`."""

SINGLE_WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
REQUIRED_FILES = ("config.json", "tokenizer.json")
IMAGE_PROCESSOR = "preprocessor_config.json"
"""Required as well of a model that reads pictures."""
MAX_JSON_BYTES = 64 * 2**20

_ALLOWED_SUFFIXES = frozenset({".json", ".safetensors", ".txt", ".jinja", ".md"})
_ALLOWED_NAMES = frozenset({"LICENSE", "NOTICE", ".gitattributes"})
_IGNORED_FOLDERS = frozenset({".cache", ".git"})
"""Bookkeeping of download tools; not copied."""
_FORBIDDEN_NAMES = {
    "adapter_config.json": "an adapter would load another model: merge it into the weights first"
}
_PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".npz"})
_WITHOUT_OPTIONS = frozenset({"tokenizer.json", "vocab.json", "added_tokens.json", WEIGHTS_INDEX})
"""JSON files whose keys are tokens or tensors, not options."""
_OBJECT = TypeAdapter(dict[str, Any])
_WEIGHT_MAP = TypeAdapter(dict[str, str])
_SHARD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.safetensors")


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """A model that now lies under `Home.model(slug)`."""

    architecture: str
    """Class that the worker builds."""
    num_parameters: int
    """Numbers in all tensors of the weights."""
    size_bytes: int
    """Size of all files."""


def import_model(folder: Path, slug: str, home: Home) -> ImportedModel:
    """Check a model folder and copy it to `home.model(slug)`: completely, or not at all.

    Args:
        folder: In Hugging Face's layout: config.json, tokenizer.json, preprocessor_config.json
            (where the model reads pictures) and model.safetensors, or shards with
            model.safetensors.index.json.
        slug: Unique name.
        home: Where the model is stored.

    Raises:
        InvalidInputError: The slug is malformed.
        ModelInvalidError: The folder is refused.
        ConflictError: A model of that slug exists already.
    """
    try:
        TypeAdapter(Slug).validate_python(slug)
    except ValidationError as e:
        raise InvalidInputError(f"slug {slug!r} is malformed: {e.errors()[0]['msg']}") from e
    files = _list_files(folder)
    architecture = _check_options(files)
    num_parameters = _count_parameters(files)
    size_bytes = 0
    with new_folder(home.model(slug)) as target:
        for name, path in files.items():
            shutil.copyfile(path, target / name, follow_symlinks=False)
            size_bytes += (target / name).stat().st_size
    return ImportedModel(architecture, num_parameters, size_bytes)


def check_settings(folder: Path) -> str:
    """Check all of a model folder but its weights, which need not be there yet.

    Returns:
        The class that the worker builds.

    Raises:
        ModelInvalidError: The folder is refused.
    """
    return _check_options(_list_files(folder))


def _list_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ModelInvalidError(f"no folder at {folder}")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode) and path.name in _IGNORED_FOLDERS:
            continue
        if not stat.S_ISREG(mode):
            raise ModelInvalidError(
                f"{path.name} is a link, folder or device: a model is a folder of regular files"
            )
        _check_name(path)
        files[path.name] = path
    missing = [name for name in REQUIRED_FILES if name not in files]
    if missing:
        raise ModelInvalidError(f"missing in {folder}: {', '.join(missing)}")
    return files


def _check_name(path: Path) -> None:
    suffix = path.suffix.lower()
    if path.name in _FORBIDDEN_NAMES:
        raise ModelInvalidError(f"{path.name}: {_FORBIDDEN_NAMES[path.name]}")
    if suffix in _PICKLE_SUFFIXES:
        raise ModelInvalidError(
            f"{path.name} can carry code: weights are accepted as safetensors only"
        )
    if suffix not in _ALLOWED_SUFFIXES and path.name not in _ALLOWED_NAMES:
        allowed = ", ".join(sorted(_ALLOWED_SUFFIXES | _ALLOWED_NAMES))
        raise ModelInvalidError(f"{path.name} is no file of a model, allowed: {allowed}")


def _check_options(files: dict[str, Path]) -> str:
    """Check every JSON file and return the architecture that config.json asks for."""
    contents = {name: _load_json(path) for name, path in files.items() if path.suffix == ".json"}
    for name, content in contents.items():
        if name in _WITHOUT_OPTIONS:
            continue
        for key in _keys(content):
            if key == "auto_map" or "_internal" in key:
                raise ModelInvalidError(f"{name}: key {key!r} is not allowed: it can load code")
    config = contents["config.json"]
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in ARCHITECTURES:
        raise ModelInvalidError(
            f"config.json: model_type {model_type!r}, allowed: {', '.join(ARCHITECTURES)}"
        )
    if model_type in READERS_OF_PICTURES and IMAGE_PROCESSOR not in contents:
        raise ModelInvalidError(f"{IMAGE_PROCESSOR} is missing: {model_type} reads pictures")
    architecture = ARCHITECTURES[model_type]
    if config.get("architectures") != [architecture]:
        raise ModelInvalidError(
            f"config.json: architectures {config.get('architectures')!r}, "
            f"allowed: {[architecture]!r}"
        )
    return architecture


def _load_json(path: Path) -> dict[str, Any]:
    size_bytes = path.stat().st_size
    if size_bytes > MAX_JSON_BYTES:
        raise ModelInvalidError(f"{path.name} has {size_bytes} bytes, allowed {MAX_JSON_BYTES}")
    try:
        return _OBJECT.validate_json(path.read_bytes())
    except ValidationError as e:
        message = e.errors(include_url=False)[0]["msg"]
        raise ModelInvalidError(f"{path.name} holds no JSON object: {message}") from e


def _keys(content: Any) -> Iterator[str]:
    pending = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            table = cast(dict[str, Any], value)
            yield from table
            pending.extend(table.values())
        elif isinstance(value, list):
            pending.extend(cast(list[Any], value))


def _count_parameters(files: dict[str, Path]) -> int:
    present = {name for name in files if name.endswith(".safetensors")}
    if WEIGHTS_INDEX in files:
        file_of_tensor = _load_weight_map(files[WEIGHTS_INDEX])
        expected = set(file_of_tensor.values())
    else:
        file_of_tensor = None
        expected = {SINGLE_WEIGHTS}
    if present != expected:
        missing, unexpected = sorted(expected - present), sorted(present - expected)
        raise ModelInvalidError(f"weights: missing {missing}, unexpected {unexpected}")
    num_parameters = 0
    for name in sorted(present):
        tensors = read_num_parameters(files[name])
        if file_of_tensor is not None:
            listed = {tensor for tensor, file in file_of_tensor.items() if file == name}
            if listed != tensors.keys():
                different = sorted(listed ^ tensors.keys())[:5]
                raise ModelInvalidError(f"{name} and {WEIGHTS_INDEX} differ in {different}")
        num_parameters += sum(tensors.values())
    if num_parameters == 0:
        raise ModelInvalidError("the weights hold no parameters")
    return num_parameters


def _load_weight_map(path: Path) -> dict[str, str]:
    try:
        weight_map = _WEIGHT_MAP.validate_python(_load_json(path).get("weight_map"))
    except ValidationError as e:
        raise ModelInvalidError(f"{path.name}: weight_map must name a file for each tensor") from e
    for tensor, file in weight_map.items():
        if not _SHARD_NAME.fullmatch(file):
            raise ModelInvalidError(f"{path.name}: tensor {tensor!r} lies in {file!r}, a bad name")
    return weight_map
