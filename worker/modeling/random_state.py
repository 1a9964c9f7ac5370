"""The states of torch's generators, which dropout draws from: part of every checkpoint."""

from collections.abc import Mapping

import torch
import torch.distributed as dist
from torch import Tensor


def random_state() -> dict[str, Tensor]:
    """The states of torch's generators on every device; all devices together."""
    own = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        own["cuda"] = torch.cuda.get_rng_state()
    if not dist.is_initialized():
        return {f"{kind}.0": value for kind, value in own.items()}
    gathered: dict[str, Tensor] = {}
    sends_from = torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")
    for kind, value in own.items():
        parts = [torch.empty_like(value, device=sends_from) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, value.to(sends_from))
        gathered |= {f"{kind}.{rank}": part.cpu() for rank, part in enumerate(parts)}
    return gathered


def restore_random(states: Mapping[str, Tensor]) -> None:
    """Put back the states that this device had."""
    rank = dist.get_rank() if dist.is_initialized() else 0
    # A forced resume may bring more devices than were saved: they keep their seed.
    if f"cpu.{rank}" in states:
        torch.set_rng_state(states[f"cpu.{rank}"])
    if f"cuda.{rank}" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states[f"cuda.{rank}"])
