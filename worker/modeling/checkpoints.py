"""Complete checkpoints: safetensors and JSON only, durable before they are announced, verified.

A checkpoint is the folder `step-{rl_step:08d}.f{fence}` with `weights.safetensors` (trained
parameters), `optimizer.safetensors` (AdamW's moments), `state.json` and, written last,
`manifest.json` with the size and SHA-256 of every file. Each file, the folder and its parent are
synced before the folder gets its name, so that a crash at any moment leaves the older one valid.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Parameter
from torch.optim import AdamW

from backend.contract.errors import CheckpointCorruptError
from backend.contract.messages import CheckpointRecord

FORMAT_VERSION = 1
_NAME = re.compile(r"^step-(\d{8})\.f(\d+)$")
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a checkpoint holds."""

    weights: dict[str, Tensor]
    """Trained parameters by name."""
    moments: dict[str, Tensor]
    """AdamW's state: `{parameter}|{exp_avg, exp_avg_sq, step}`."""
    state: dict[str, Any]
    """Counters and identities, JSON."""


def save_checkpoint(
    folder: Path, *, rl_step: int, fence: int, checkpoint: Checkpoint
) -> CheckpointRecord:
    """Write a checkpoint so that it is whole or absent.

    Args:
        folder: The run's checkpoints.
        rl_step: Step after which the state was taken.
        fence: The attempt's fence.
        checkpoint: The state.

    Returns:
        The announcement for the API.
    """
    name = f"step-{rl_step:08d}.f{fence}"
    partial = folder / f"{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file(checkpoint.weights, partial / "weights.safetensors")
    save_file(checkpoint.moments, partial / "optimizer.safetensors")
    (partial / "state.json").write_text(json.dumps(checkpoint.state, indent=1))
    files = {path.name: _describe(path) for path in sorted(partial.iterdir())}
    manifest = partial / "manifest.json"
    manifest.write_text(json.dumps({"format": FORMAT_VERSION, "files": files}, indent=1))
    for path in (*partial.iterdir(), partial):
        _sync(path)
    shutil.rmtree(folder / name, ignore_errors=True)
    partial.rename(folder / name)
    _sync(folder)
    manifest = folder / name / "manifest.json"
    return CheckpointRecord(
        rl_step=rl_step,
        name=name,
        manifest_sha256=hash_file(manifest),
        size_bytes=sum(entry["size_bytes"] for entry in files.values()),
    )


def load_newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that verifies.

    Returns:
        The checkpoint, or None when there is none, and a sentence for each one passed over.
    """
    problems = []
    for path in reversed(list_checkpoints(folder)):
        try:
            return read_checkpoint(path), problems
        except CheckpointCorruptError as error:
            problems.append(error.message)
    return None, problems


def read_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint whose every byte matches its manifest.

    Raises:
        CheckpointCorruptError: names the first file that differs.
    """
    try:
        manifest = json.loads((path / "manifest.json").read_text())
        described = dict(manifest["files"])
        for name, expected in described.items():
            if _describe(path / name) != expected:
                raise CheckpointCorruptError(f"{path.name}/{name} differs from its manifest")
        return Checkpoint(
            weights=load_file(path / "weights.safetensors"),
            moments=load_file(path / "optimizer.safetensors"),
            state=json.loads((path / "state.json").read_text()),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointCorruptError(f"{path.name} cannot be read: {error}") from error


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first: by step, then by fence."""
    found = []
    for path in folder.glob("step-*"):
        match = _NAME.match(path.name)
        if match:
            found.append((int(match[1]), int(match[2]), path))
    return [path for *_, path in sorted(found)]


def remove_old(folder: Path, keep: int) -> None:
    """Delete all but the newest checkpoints and what an interrupted save left behind."""
    for path in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(path)
    for path in folder.glob("step-*.partial"):
        shutil.rmtree(path)


def take_state(
    parameters: Mapping[str, Parameter], optimizer: AdamW, state: dict[str, Any]
) -> Checkpoint:
    """A checkpoint of the present state, copied to the CPU."""
    moments = {
        f"{name}|{moment}": optimizer.state[parameter][moment].detach().cpu().contiguous()
        for name, parameter in parameters.items()
        if parameter in optimizer.state
        for moment in _MOMENTS
    }
    weights = {name: p.detach().cpu().contiguous() for name, p in parameters.items()}
    return Checkpoint(weights=weights, moments=moments, state=state)


@torch.no_grad()
def restore_state(
    parameters: Mapping[str, Parameter], optimizer: AdamW, checkpoint: Checkpoint
) -> None:
    """Put a checkpoint's weights and moments back.

    Raises:
        CheckpointCorruptError: the checkpoint is of other parameters.
    """
    if set(checkpoint.weights) != set(parameters):
        different = sorted(set(checkpoint.weights) ^ set(parameters))
        raise CheckpointCorruptError(f"the checkpoint is of another model: {different[:5]}")
    for name, parameter in parameters.items():
        parameter.copy_(checkpoint.weights[name])
        moments = {
            moment: checkpoint.moments[f"{name}|{moment}"]
            for moment in _MOMENTS
            if f"{name}|{moment}" in checkpoint.moments
        }
        if moments:
            optimizer.state[parameter] = {
                moment: value if moment == "step" else value.to(parameter.device)
                for moment, value in moments.items()
            }


def _describe(path: Path) -> dict[str, Any]:
    return {"size_bytes": path.stat().st_size, "sha256": hash_file(path)}


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
