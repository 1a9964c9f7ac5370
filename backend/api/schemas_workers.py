"""Bodies about workers: what they have, what holds it, and how they are."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from backend.api.schemas import Body
from backend.contract.devices import DeviceKind


class WorkerState(StrEnum):
    """How a worker is."""

    READY = "ready"
    """It is there and carries nothing."""
    BUSY = "busy"
    """It carries runs, and takes more where they fit."""
    DRAINING = "draining"
    """It finishes what it has and takes nothing new."""
    DRAINED = "drained"
    """It carries nothing and takes nothing new."""
    ABSENT = "absent"
    """It was not heard of since `last_seen_at`; runs that it has started may go on."""


class RunReference(Body):
    """A run by its name."""

    id: UUID
    name: str


class WorkerDevice(Body):
    """A GPU of a worker, or its CPU."""

    kind: DeviceKind
    index: int
    """Which of those of its kind that the worker may use, from 0."""
    uuid: str
    """Of a GPU: the driver's own name of it; empty for a CPU."""
    name: str
    """Its model."""
    memory_bytes: int
    """Memory of the GPU; of a CPU, the machine's."""
    num_cores: int | None
    """Of a CPU: cores that the worker may use."""
    held_by: RunReference | None
    """The run that holds the GPU; None when it is free, and for a CPU, which has slots."""


class WorkerInfo(Body):
    """A worker."""

    name: str
    host: str
    """Name of its machine; empty until it has announced itself."""
    state: WorkerState
    devices: list[WorkerDevice]
    """Its CPU and its GPUs."""
    kinds: list[DeviceKind]
    """Kinds of its devices."""
    slots: int
    """Runs that its CPU carries at a time."""
    slots_used: int
    """How many of them are held."""
    runs: list[RunReference]
    """What it carries, oldest first."""
    is_draining: bool
    """True when it takes nothing new."""
    last_seen_at: datetime
    """When it was heard of last."""
    started_at: datetime | None
    """When its process started; None until it has announced itself."""
    versions: dict[str, str]
    """What is installed there: package to version, with python, driver and CUDA."""
