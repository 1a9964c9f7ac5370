"""Low-rank adapters on the language model (arXiv 2106.09685), by peft.

An adapted layer computes W x + (alpha / rank) B A x with W frozen. Adapters are put into the model
in place: it keeps its class and the names of what is not adapted.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from peft import LoraConfig as PeftConfig
from peft import inject_adapter_in_model
from peft.tuners.lora import Linear
from torch import Tensor, nn
from torch.nn import Parameter
from transformers import PreTrainedModel

from backend.contract.config import LoraConfig, TrainedPartsConfig
from backend.contract.errors import ModelInvalidError
from worker.modeling.families import family_of
from worker.modeling.freezing import freeze_parts

ADAPTER = "default"
"""peft's name of the one adapter."""


def add_adapters(policy: PreTrainedModel, cfg: LoraConfig, *, seed: int) -> dict[str, Parameter]:
    """Freeze the whole model and add adapters to the language model's linear layers.

    B starts at 0, so the model's outputs do not change by a bit.

    Args:
        policy: Model of any family; its layers are replaced in place.
        cfg: Rank, scale and layers.
        seed: Of the first A.

    Returns:
        The trained parameters by name: those of the adapters.

    Raises:
        ModelInvalidError: a name of `target_modules` is none of a linear layer of the language
            model.
    """
    prefix = family_of(policy).language_model
    found = _linear_names(policy.get_submodule(prefix))
    unknown = sorted(set(cfg.target_modules) - found)
    if unknown:
        raise ModelInvalidError(
            f"lora.target_modules names {', '.join(unknown)}; the linear layers of this model's "
            f"language model are {', '.join(sorted(found))}"
        )
    names = "|".join(re.escape(name) for name in cfg.target_modules)
    adapters = PeftConfig(
        r=cfg.rank,
        lora_alpha=cfg.alpha,  # pyright: ignore[reportArgumentType]
        lora_dropout=cfg.dropout,
        target_modules=rf"{re.escape(prefix)}\..*\b({names})",
    )
    with torch.random.fork_rng():
        torch.manual_seed(_seed_of(seed, "adapters"))
        inject_adapter_in_model(adapters, policy)
    policy.eval()
    return {name: p for name, p in policy.named_parameters() if p.requires_grad}


def choose_parameters(
    policy: PreTrainedModel, trained: TrainedPartsConfig, lora: LoraConfig | None, *, seed: int
) -> dict[str, Parameter]:
    """What a run trains: whole parts of the model, or adapters on its language model.

    Args:
        policy: Model of any family; everything else is frozen.
        trained: The parts, where there are no adapters.
        lora: The adapters; None for none.
        seed: Of the adapters.

    Returns:
        The trained parameters by name.

    Raises:
        ModelInvalidError: the model has not what shall be trained.
    """
    if lora is None:
        return freeze_parts(policy, trained)
    return add_adapters(policy, lora, seed=seed)


def _linear_names(language_model: nn.Module) -> set[str]:
    return {
        name.rpartition(".")[2]
        for name, module in language_model.named_modules()
        if isinstance(module, nn.Linear)
    }


def adapted_layers(model: nn.Module) -> dict[str, Linear]:
    """The layers with an adapter by name; none where there are no adapters."""
    return {name: m for name, m in model.named_modules() if isinstance(m, Linear)}


@contextmanager
def adapters_off(model: nn.Module) -> Iterator[None]:
    """Inside, the model is as it was before training: the reference without a second copy.

    A model without adapters stays as it is. No gradient may be wanted inside.
    """
    layers = adapted_layers(model).values()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for layer in layers:
        layer.enable_adapters(False)
    for parameter in trained:
        # peft freezes them besides. A sharded model that is gathered inside would take them for
        # frozen from then on, and leave their gradients in bf16.
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


@contextmanager
def adapter_dropout(model: nn.Module, *key: int | str) -> Iterator[None]:
    """Inside, adapters drop inputs at random; what is dropped is a function of the key alone.

    Around the passes of an update. The key names run, step and update, so that nothing about
    chance has to be saved for a resumed run to go on in the same way.
    """
    dropouts = [
        layer.lora_dropout[ADAPTER]
        for layer in adapted_layers(model).values()
        if isinstance(layer.lora_dropout[ADAPTER], nn.Dropout)
    ]
    if not dropouts:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(_seed_of(*key))
        for dropout in dropouts:
            dropout.train()
        try:
            yield
        finally:
            for dropout in dropouts:
                dropout.eval()


@torch.no_grad()
def merged_layers(policy: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Weights of the adapted layers with their adapters added, one at a time.

    For engines that hold weights of their own: nothing else changes while adapters are trained.

    Returns:
        Names as the model without adapters has them, and new tensors.
    """
    for name, layer in adapted_layers(policy).items():
        weight: Any = layer.base_layer.weight
        yield f"{name}.weight", weight + layer.get_delta_weight(ADAPTER).to(weight.dtype)


@torch.no_grad()
def merged_state(policy: nn.Module) -> dict[str, Tensor]:
    """The state of the model without adapters that computes what this one does.

    The policy is not changed; tensors that no adapter touches are its own. A model without
    adapters gives its own state.
    """
    merged = dict(merged_layers(policy))
    state = {}
    for name, tensor in policy.state_dict().items():
        if ".lora_" in name:
            continue
        base_name = name.replace(".base_layer.", ".")
        state[base_name] = merged.get(base_name, tensor)
    return state


def _seed_of(*key: int | str) -> int:
    """A seed for torch that differs with every part of a key."""
    words = [part if isinstance(part, int) else int.from_bytes(part.encode()) for part in key]
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)
