"""Devices of workers, what a run needs of them, and the queue of rings of each kind of device."""

from dataclasses import dataclass
from enum import StrEnum

from backend.contract.config import AnyRunConfig


class DeviceKind(StrEnum):
    """What a run computes on."""

    CPU = "cpu"
    CUDA = "cuda"


class NeededKind(StrEnum):
    """Where a run may compute."""

    AUTO = "auto"
    """On GPUs of a worker that has any, on the CPU of one that has none."""
    CPU = "cpu"
    CUDA = "cuda"


RING_QUEUE_PREFIX = "maye."
MAX_PRIORITY = 100
"""Priorities of runs lie between minus this and this."""


def ring_queue(kind: DeviceKind) -> str:
    """Celery queue of the doorbell of workers that have devices of a kind."""
    return f"{RING_QUEUE_PREFIX}{kind}"


@dataclass(frozen=True, slots=True)
class DeviceNeed:
    """What a run must hold before it can start."""

    kind: NeededKind
    num_devices: int
    """GPUs of one machine at once; on a CPU the run takes one slot, however many."""
    min_memory_gib: float | None
    """Least memory of each GPU; None where any will do."""

    @property
    def kinds(self) -> frozenset[DeviceKind]:
        """Kinds of devices that could carry the run."""
        if self.kind is NeededKind.CPU:
            return frozenset({DeviceKind.CPU})
        if self.kind is NeededKind.CUDA or self.min_memory_gib is not None:
            return frozenset({DeviceKind.CUDA})
        return frozenset(DeviceKind)


def need_of(config: AnyRunConfig) -> DeviceNeed:
    """What a configuration asks for; an evaluation takes one device."""
    parallel = None if config.kind == "evaluation" else config.parallel
    num_devices = parallel.devices if parallel else 1
    if config.engine.name == "vllm" and config.engine.placement == "own_device":
        num_devices += 1
    return DeviceNeed(
        kind=NeededKind(config.device),
        num_devices=num_devices,
        min_memory_gib=parallel.min_device_memory_gib if parallel else None,
    )
