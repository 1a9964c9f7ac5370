"""What a run is: configuration, model, data, code, libraries and devices, by value or hash.

Every checkpoint carries it. A run whose identity has changed is not resumed unless that is forced,
because the curve would go on as if nothing had happened.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import transformers
from pydantic import BaseModel

import backend.contract
import worker
from backend.contract.errors import ResumeRefusedError
from worker.modeling.checkpoints import hash_file

CODE = tuple(Path(package.__path__[0]) for package in (worker, backend.contract))
"""Folders whose source decides what a trainer does."""
MODEL_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt")
MAX_SHOWN = 20
SHOWN_CHARS = 12


def identity_of(
    cfg: BaseModel, model: Path, dataset: Path, *, device: torch.device, num_devices: int = 1
) -> dict[str, Any]:
    """Every part of a run's identity by its name, JSON values.

    Args:
        cfg: The run's configuration.
        model: Folder of the model that training starts from.
        dataset: Folder of the imported data set.
        device: Where it computes.
        num_devices: Processes of the run.
    """
    return {
        **{f"config.{path}": value for path, value in _leaves(cfg.model_dump(mode="json"))},
        **hash_model(model),
        **{f"dataset/{p.name}": hash_file(p) for p in sorted(dataset.glob("*.jsonl"))},
        "dataset/images": _hash_files(sorted((dataset / "images").glob("*"))),
        "version of maye": version("maye"),
        **{
            f"code {path.relative_to(root.parent)}": hash_file(path)
            for root in CODE
            for path in sorted(root.rglob("*.py"))
        },
        "version of torch": torch.__version__,
        "version of transformers": transformers.__version__,
        "kind of device": device.type,
        "number of devices": num_devices,
    }


def hash_model(folder: Path) -> dict[str, str]:
    """Hash of every file of a model folder that decides what is computed."""
    return {
        f"model/{path.name}": hash_file(path)
        for mask in MODEL_FILES
        for path in sorted(folder.glob(mask))
    }


def check_identity(
    now: Mapping[str, Any], saved: Mapping[str, Any], *, rl_step: int, is_forced: bool
) -> list[str]:
    """What has changed since a checkpoint was made: nothing, unless that is forced.

    Args:
        now: The run's identity.
        saved: The checkpoint's.
        rl_step: The checkpoint's step, for the message.
        is_forced: Whether to go on in spite of differences.

    Returns:
        Each difference in words, old value first.

    Raises:
        ResumeRefusedError: shows the differences.
    """
    differences = [
        f"{name}: {_show(saved, name)} -> {_show(now, name)}"
        for name in sorted(now.keys() | saved.keys())
        if name not in now or name not in saved or now[name] != saved[name]
    ]
    if differences and not is_forced:
        more = f"\n... and {len(differences) - MAX_SHOWN} more" * (len(differences) > MAX_SHOWN)
        raise ResumeRefusedError(
            f"what decides the run is no longer as it was at the checkpoint of step {rl_step} "
            "(then -> now); only a forced resume goes on in spite of that:\n"
            + "\n".join(differences[:MAX_SHOWN])
            + more
        )
    return differences


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path and value of every field; lists are values."""
    if not isinstance(value, dict):
        yield path, value
        return
    for name, part in value.items():
        yield from _leaves(part, f"{path}.{name}" if path else name)


def _hash_files(paths: list[Path]) -> str:
    """One hash of the names and contents of some files."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name} {hash_file(path)}\n".encode())
    return digest.hexdigest()


def _show(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return "absent"
    value = values[name]
    is_hash = name.startswith(("model/", "dataset/", "code "))
    return value[:SHOWN_CHARS] if is_hash else json.dumps(value)
