"""Complete checkpoints: safetensors and JSON only, durable before they are announced, verified.

A checkpoint is the folder `step-{rl_step:08d}.f{fence}` with `weights.safetensors` (trained
parameters), `optimizer.safetensors` (AdamW's moments), `random.safetensors` (the states of torch's
generators), `state.json` and, written last, `manifest.json` with the folder's name and the size and
SHA-256 of every file. Each file, the folder and its parent are synced before the folder gets its
name, so that a crash at any moment leaves the older one valid.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn import Parameter
from torch.optim import AdamW

from backend.contract.errors import (
    CheckpointCorruptError,
    CheckpointNotSavedError,
    ResumeRefusedError,
)
from backend.contract.messages import CheckpointRecord
from worker.modeling.random_state import random_state, restore_random

FORMAT_VERSION = 2
SPACE_FACTOR = 2.2
"""Free space that a save wants, in sizes of its tensors: nothing may fill the disk to the brim."""
_NAME = re.compile(r"^step-(\d{8})\.f(\d+)(\.corrupt)?$")
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_SET_ASIDE = ".corrupt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a checkpoint holds."""

    weights: dict[str, Tensor]
    """Trained parameters by name."""
    moments: dict[str, Tensor]
    """AdamW's state: `{parameter}|{exp_avg, exp_avg_sq, step}`."""
    random: dict[str, Tensor]
    """`{cpu, cuda}.{rank}` to the state of that generator, bytes."""
    state: dict[str, Any]
    """Counters and identity, JSON."""


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

    Raises:
        CheckpointNotSavedError: the disk is (nearly) full or failed; nothing partial is left.
    """
    name = f"step-{rl_step:08d}.f{fence}"
    partial = folder / f"{name}.partial"
    try:
        _check_space(folder, checkpoint)
        shutil.rmtree(partial, ignore_errors=True)
        size_bytes = _write(partial, name, checkpoint)
        shutil.rmtree(folder / name, ignore_errors=True)
        partial.rename(folder / name)
        _sync(folder)
        manifest_sha256 = hash_file(folder / name / "manifest.json")
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        why = getattr(error, "strerror", None) or error
        raise CheckpointNotSavedError(f"checkpoint {name} could not be saved: {why}") from error
    return CheckpointRecord(
        rl_step=rl_step, name=name, manifest_sha256=manifest_sha256, size_bytes=size_bytes
    )


def _check_space(folder: Path, checkpoint: Checkpoint) -> None:
    tensors = [*checkpoint.weights.values(), *checkpoint.moments.values()]
    wanted = int(SPACE_FACTOR * sum(tensor.nbytes for tensor in tensors))
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        told = f"{free} bytes are free on the disk, {wanted} are wanted"
        raise OSError(errno.ENOSPC, told)


def _write(partial: Path, name: str, checkpoint: Checkpoint) -> int:
    """Write and sync every file; their size in bytes without the manifest."""
    partial.mkdir(parents=True)
    save_file(checkpoint.weights, partial / "weights.safetensors")
    save_file(checkpoint.moments, partial / "optimizer.safetensors")
    save_file(checkpoint.random, partial / "random.safetensors")
    (partial / "state.json").write_text(json.dumps(checkpoint.state, indent=1))
    size_bytes = sum(path.stat().st_size for path in partial.iterdir())
    (partial / "manifest.json").write_text(_manifest(partial, name))
    for path in (*sorted(partial.iterdir()), partial):
        _sync(path)
    return size_bytes


def load_newest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """The newest checkpoint that verifies; those passed over are set aside as `*.corrupt`.

    Returns:
        The checkpoint, or None when there is none, and a sentence for each one passed over.

    Raises:
        ResumeRefusedError: it was written by another version of Maye.
    """
    problems: list[str] = []
    for path in reversed(list_checkpoints(folder)):
        try:
            return read_checkpoint(path), problems
        except CheckpointCorruptError as error:
            problems.append(error.message)
            # Another device may have been quicker, and a broken disk may refuse.
            with suppress(OSError):
                path.rename(path.with_name(path.name + _SET_ASIDE))
    return None, problems


def read_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint whose every byte matches its manifest.

    Raises:
        CheckpointCorruptError: names the first file that differs.
        ResumeRefusedError: it is whole, and written by another version of Maye.
    """
    try:
        verify(path)
        return Checkpoint(
            weights=load_file(path / "weights.safetensors"),
            moments=load_file(path / "optimizer.safetensors"),
            random=load_file(path / "random.safetensors"),
            state=json.loads((path / "state.json").read_text()),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise CheckpointCorruptError(f"{path.name} cannot be read: {error}") from error


def verify(path: Path) -> None:
    """Compare every byte of a checkpoint, its manifest's included, with what was written.

    Raises:
        CheckpointCorruptError: names the first file that differs.
        ResumeRefusedError: it is written in another format.
    """
    text = (path / "manifest.json").read_text()
    expected = json.loads(text)
    if expected["format"] in range(1, FORMAT_VERSION):
        raise ResumeRefusedError(
            f"checkpoint {path.name} is of format {expected['format']}, this version of Maye reads "
            f"format {FORMAT_VERSION}: go on with the version that wrote it"
        )
    # Written anew from the files, the manifest must come out the same: a damaged manifest, a file
    # too many and a folder under another's name are found as well.
    if _manifest(path, path.name) == text:
        return
    found = {file.name for file in path.iterdir()} - {"manifest.json"}
    for name in sorted(found | set(expected["files"])):
        if name not in found or _describe(path / name) != expected["files"].get(name):
            raise CheckpointCorruptError(f"{path.name}/{name} differs from its manifest")
    raise CheckpointCorruptError(f"{path.name}/manifest.json is not what was written")


def _manifest(path: Path, name: str) -> str:
    files = {file.name: _describe(file) for file in sorted(path.iterdir())}
    files.pop("manifest.json", None)
    return json.dumps({"format": FORMAT_VERSION, "name": name, "files": files}, indent=1)


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints that are not known to be corrupt, oldest first.

    By attempt, then step: what an attempt that lost the run still writes is never the newest.
    """
    return [path for *_, path in _list(folder) if path.suffix != _SET_ASIDE]


def _list(folder: Path) -> list[tuple[int, int, Path]]:
    """(fence, rl_step, path) of every checkpoint, oldest first."""
    matches = ((_NAME.match(path.name), path) for path in folder.glob("step-*"))
    return sorted((int(match[2]), int(match[1]), path) for match, path in matches if match)


def remove_old(folder: Path, keep: int, *, best_rl_step: int | None = None) -> None:
    """Delete what is no longer kept, and what an interrupted save left behind.

    Args:
        folder: The run's checkpoints; the newest was just written or read, so it is whole.
        keep: How many of the newest stay, at least 2.
        best_rl_step: The newest checkpoint of this step stays too.
    """
    whole = [entry for entry in _list(folder) if entry[2].suffix != _SET_ASIDE]
    newest = whole[-max(keep, 2) :]
    best = [entry for entry in whole if entry[1] == best_rl_step][-1:]
    for entry in _list(folder):
        # What was set aside stays for a look until there are enough newer ones.
        is_evidence = entry[2].suffix == _SET_ASIDE and entry > min(newest, default=entry)
        if entry not in newest + best and not is_evidence:
            shutil.rmtree(entry[2])
    for path in folder.glob("step-*.partial"):
        shutil.rmtree(path)


def take_state(
    parameters: Mapping[str, Parameter], optimizer: AdamW, state: dict[str, Any]
) -> Checkpoint:
    """A checkpoint of the present state, whole and on the CPU; all devices together."""
    moments = {
        f"{name}|{moment}": _whole(optimizer.state[parameter][moment])
        for name, parameter in parameters.items()
        if parameter in optimizer.state
        for moment in _MOMENTS
    }
    weights = {name: _whole(parameter) for name, parameter in parameters.items()}
    return Checkpoint(weights=weights, moments=moments, random=random_state(), state=state)


@torch.no_grad()
def restore_state(
    parameters: Mapping[str, Parameter], optimizer: AdamW, checkpoint: Checkpoint
) -> None:
    """Put a checkpoint's weights, moments and generators back.

    Raises:
        CheckpointCorruptError: the checkpoint is of other parameters.
    """
    if set(checkpoint.weights) != set(parameters):
        different = sorted(set(checkpoint.weights) ^ set(parameters))
        raise CheckpointCorruptError(f"the checkpoint is of another model: {different[:5]}")
    for name, parameter in parameters.items():
        parameter.copy_(_placed_like(checkpoint.weights[name], parameter))
        moments = {
            moment: checkpoint.moments[f"{name}|{moment}"]
            for moment in _MOMENTS
            if f"{name}|{moment}" in checkpoint.moments
        }
        if moments:
            optimizer.state[parameter] = {
                moment: value if moment == "step" else _placed_like(value, parameter)
                for moment, value in moments.items()
            }
    restore_random(checkpoint.random)


def _whole(tensor: Tensor) -> Tensor:
    """A tensor whole, in the host's memory."""
    whole = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
    return whole.detach().cpu().contiguous()


def _placed_like(whole: Tensor, parameter: Parameter) -> Tensor:
    """A whole tensor where the parameter lies, sharded as it is."""
    placed = whole.to(parameter.device)
    if isinstance(parameter, DTensor):
        return distribute_tensor(placed, parameter.device_mesh, parameter.placements)
    return placed


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
