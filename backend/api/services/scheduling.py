"""Which queued run a worker gets: what fits, in which order, and for whom devices are kept free.

Pure: records in, a choice out. `docs/decisions/0010-many-workers.md` gives the rules.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.contract.devices import DeviceKind, DeviceNeed, NeededKind

RESERVE_AFTER_S = 300.0
"""A run that has been queued for this long and does not fit keeps a worker's GPUs for itself."""
BYTES_PER_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU of a worker."""

    uuid: str
    index: int
    """Which of the worker's, from 0."""
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued run."""

    number: int
    name: str
    priority: int
    need: DeviceNeed
    since: datetime
    """When it was created: its age."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a run would hold on a worker."""

    gpus: tuple[str, ...]
    """UUIDs; none is a slot of the CPU."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker has, and how much of it is held."""

    name: str
    gpus: tuple[Gpu, ...]
    """Least index first."""
    slots: int
    """Runs that its CPU carries."""
    held: frozenset[str] = frozenset()
    """UUIDs of GPUs that runs hold, be it through another worker that sees the same GPU."""
    slots_used: int = 0
    is_draining: bool = False

    @property
    def kinds(self) -> frozenset[DeviceKind]:
        """Kinds of devices that it has."""
        return frozenset(DeviceKind) if self.gpus else frozenset({DeviceKind.CPU})

    def needs_gpus(self, need: DeviceNeed) -> bool:
        """Whether a run would compute on GPUs here."""
        if need.kind is NeededKind.AUTO and need.min_memory_gib is None:
            return bool(self.gpus)
        return need.kind is not NeededKind.CPU

    def suitable(self, need: DeviceNeed) -> list[Gpu]:
        """Its GPUs that have enough memory."""
        least = (need.min_memory_gib or 0.0) * BYTES_PER_GIB
        return [gpu for gpu in self.gpus if gpu.memory_bytes >= least]

    def could_carry(self, need: DeviceNeed) -> bool:
        """Whether a run would fit if nothing else were there."""
        return not self.needs_gpus(need) or len(self.suitable(need)) >= need.num_devices

    def free(self, need: DeviceNeed) -> list[Gpu]:
        """Its GPUs that have enough memory and are held by nobody."""
        return [gpu for gpu in self.suitable(need) if gpu.uuid not in self.held]

    def place(self, need: DeviceNeed) -> Placement | None:
        """What a run would hold if it started now; None when it does not fit."""
        if self.is_draining:
            return None
        if not self.needs_gpus(need):
            return Placement(()) if self.slots_used < self.slots else None
        free = self.free(need)[: need.num_devices]
        return Placement(tuple(gpu.uuid for gpu in free)) if len(free) == need.num_devices else None


def in_order(queue: Iterable[Waiting]) -> list[Waiting]:
    """Queued runs as they are served: the highest priority first, then the oldest."""
    return sorted(queue, key=lambda run: (-run.priority, run.number))


def choose(
    queue: Sequence[Waiting], offers: Mapping[str, Offer], worker: str, *, now: datetime
) -> tuple[Waiting, Placement] | None:
    """The run that a worker gets now, with what it will hold.

    Args:
        queue: Queued runs, in order.
        offers: Present workers by name; the one that asks is among them.
        worker: Who asks.
        now: The time.
    """
    offer = offers[worker]
    placements = {need: offer.place(need) for need in {run.need for run in queue}}
    kept_for = reserve(queue, offers, now=now).get(worker)
    has_met_holder = False
    for run in queue:
        has_met_holder = has_met_holder or (kept_for is not None and run.number == kept_for.number)
        placement = placements[run.need]
        if placement is not None and not (placement.gpus and has_met_holder):
            return run, placement
    return None


def reserve(
    queue: Sequence[Waiting], offers: Mapping[str, Offer], *, now: datetime
) -> dict[str, Waiting]:
    """Workers whose GPUs are kept free, and for which run: else small runs starve a large one.

    A run that has waited for RESERVE_AFTER_S and fits nowhere now gets the worker with the most
    free GPUs among those that could carry it. What stands behind it gets no GPU there; so the
    number of free GPUs there only grows, and the worker stays the one with the most.
    """
    kept: dict[str, Waiting] = {}
    seen: set[DeviceNeed] = set()
    old = now - timedelta(seconds=RESERVE_AFTER_S)
    for run in queue:
        if run.need in seen or run.since > old:
            continue
        seen.add(run.need)
        able = [
            offer
            for offer in offers.values()
            if not offer.is_draining
            and offer.name not in kept
            and offer.needs_gpus(run.need)
            and offer.could_carry(run.need)
        ]
        if not able or any(offer.place(run.need) for offer in able):
            continue
        best = min(able, key=lambda offer: (-len(offer.free(run.need)), offer.name))
        kept[best.name] = run
    return kept
