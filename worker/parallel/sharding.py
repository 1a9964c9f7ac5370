"""Sharding a model over the devices (FSDP2), and having it whole while nothing is learnt."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from worker.parallel.devices import Devices


def shard(
    model: nn.Module,
    devices: Devices,
    *,
    vision: Sequence[nn.Module],
    precision: Literal["float32", "bfloat16"],
) -> None:
    """Keep a part of every parameter on each device, in place.

    Decoder layers are the units that are gathered; the rest is gathered with the root. The layers
    of the vision tower are no units, so that a device without pictures leaves nobody waiting, and
    frozen vision parts stay whole on every device. Master weights are fp32; bf16 copies are what
    is gathered and computed with.

    Args:
        model: Policy or reference, its parts frozen as they shall be.
        devices: All devices; a single one leaves the model as it is.
        vision: The modules that read pictures.
        precision: Arithmetic of forward passes.
    """
    if devices.mesh is None:
        return
    computed_in = torch.bfloat16 if precision == "bfloat16" else None
    policy = MixedPrecisionPolicy(param_dtype=computed_in, reduce_dtype=torch.float32)
    inside = {id(module) for part in vision for module in part.modules()}
    whole = {p for part in vision for p in part.parameters() if not p.requires_grad}
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer) and id(module) not in inside:
            fully_shard(module, mesh=devices.mesh, mp_policy=policy)
    fully_shard(model, mesh=devices.mesh, mp_policy=policy, ignored_params=whole)


def zero_of(parts: Sequence[nn.Module]) -> Tensor:
    """A 0 that depends on every trained parameter of some parts.

    Added to the loss of a batch without pictures, it gives a trained vision tower the gradient 0
    in place of none: gradients are summed over the devices in one message, whose size must not
    depend on who had pictures.
    """
    trained = (p for part in parts for p in part.parameters() if p.requires_grad)
    return 0.0 * torch.stack([parameter.float().sum() for parameter in trained]).sum()


@contextmanager
def gathered(model: nn.Module) -> Iterator[None]:
    """Inside, the whole model lies on every device and forward passes send no messages.

    For decoding and for measuring, where devices make different numbers of passes. All devices
    must enter together.
    """
    units = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for unit in units:
        unit.set_reshard_after_forward(False, recurse=False)
        unit.unshard()
    try:
        yield
    finally:
        for unit in units:
            unit.reshard()
            # As fully_shard leaves them: the root stays whole until its backward pass.
            unit.set_reshard_after_forward(unit is not model, recurse=False)


@contextmanager
def recomputed(model: nn.Module, *, is_on: bool) -> Iterator[None]:
    """Inside, layers compute their activations again in the backward pass (is_on).

    transformers recomputes in training mode only; the layers alone are put into it, so that
    nothing else (dropout) changes.
    """
    layers = [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)] * is_on
    for layer in layers:
        recompute: Any = partial(checkpoint, use_reentrant=False)
        layer._gradient_checkpointing_func = recompute
        layer.gradient_checkpointing = True
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.gradient_checkpointing = False
            layer.training = False


def whole_tensor(tensor: Tensor) -> Tensor:
    """A tensor whole: all devices must ask together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
