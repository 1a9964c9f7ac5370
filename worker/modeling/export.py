"""A checkpoint as a model folder that `from_pretrained` loads: whole, adapters merged."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from transformers import PreTrainedModel

from backend.contract.config import RLConfig, SFTConfig
from backend.contract.errors import CheckpointCorruptError, NotFoundError
from worker.modeling.checkpoints import Checkpoint, list_checkpoints, read_checkpoint
from worker.modeling.loading import load_policy
from worker.modeling.lora import choose_parameters, merged_state

WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json", "config.json")
"""Files of a model folder that an export writes anew; all others are copied as they are."""


def find_checkpoint(folder: Path, name: str) -> Path:
    """A checkpoint by its name.

    Args:
        folder: The run's checkpoints.
        name: A folder's name; `last`; or `best`, by validation accuracy.

    Raises:
        NotFoundError: there is none; names those that there are.
        CheckpointCorruptError: the newest, which knows the best, is damaged.
    """
    paths = list_checkpoints(folder)
    found = [path for path in paths if path.name == name]
    if name == "last":
        found = paths
    elif name == "best" and paths:
        step = read_checkpoint(paths[-1]).state["counters"]["best_rl_step"]
        found = [path for path in paths if step is not None and path.name[5:13] == f"{step:08d}"]
    if not found:
        names = ", ".join(path.name for path in paths) or "none"
        why = "; best needs an evaluation on a validation split" * (name == "best")
        raise NotFoundError(f"there is no checkpoint {name} (there are: {names}{why})")
    return found[-1]


def find_step(folder: Path, rl_step: int) -> Path:
    """The newest attempt's checkpoint of a step.

    Args:
        folder: The run's checkpoints.
        rl_step: Step after which it was saved.

    Raises:
        NotFoundError: there is none; names the steps of those that there are.
    """
    steps = {int(path.name[5:13]): path for path in list_checkpoints(folder)}
    if rl_step not in steps:
        there = ", ".join(map(str, sorted(steps))) or "none"
        raise NotFoundError(
            f"run {folder.parent.name} has no checkpoint of step {rl_step} on this machine (there "
            f"are those of: {there})"
        )
    return steps[rl_step]


def export_model(
    model: Path, cfg: RLConfig | SFTConfig, checkpoint: Checkpoint, target: Path
) -> None:
    """Write a model folder: whole or absent.

    Weights are fp32, as they were trained; names are those of the Hugging Face hub.

    Args:
        model: Folder of the model that training started from.
        cfg: The run's configuration.
        checkpoint: What the run has learnt.
        target: The folder to write; one that exists is replaced.

    Raises:
        CheckpointCorruptError: the checkpoint is of other parameters.
    """
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    trained = load_trained(model, cfg, checkpoint.weights)
    try:
        # The model's own files come last: what transformers makes of its generation config is not
        # it.
        trained.save_pretrained(partial)
        shutil.copytree(
            model, partial, ignore=shutil.ignore_patterns(*WEIGHTS, ".*"), dirs_exist_ok=True
        )
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@torch.no_grad()
def load_trained(
    model: Path, cfg: RLConfig | SFTConfig, weights: Mapping[str, torch.Tensor]
) -> PreTrainedModel:
    """The model with what was trained put in, without adapters, on the CPU."""
    policy = load_policy(model, torch.device("cpu"))
    parameters = choose_parameters(policy, cfg.trained, cfg.lora, seed=cfg.seed)
    if set(parameters) != set(weights):
        different = sorted(set(parameters) ^ set(weights))
        raise CheckpointCorruptError(f"the checkpoint is of another model: {different[:5]}")
    for name, parameter in parameters.items():
        parameter.copy_(weights[name])
    if cfg.lora is None:
        return policy
    merged = load_policy(model, torch.device("cpu"))
    merged.load_state_dict(merged_state(policy))
    return merged
