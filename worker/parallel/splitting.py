"""Which device makes which forward passes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from worker.parallel.devices import Devices, balanced_shares
from worker.tensors.micro_batches import micro_batches

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass(Generic[Row]):
    """One forward pass of one device."""

    rows: tuple[Row, ...]
    """Rows of the pass: of the update, or packed from it."""
    is_filler: bool
    """True when the device has nothing to do but must send its messages: weight 0."""


def device_rows(devices: Devices, lengths: Sequence[int]) -> list[int]:
    """The rows of this device; all devices' rows cost about the same."""
    return balanced_shares(lengths, devices.count)[devices.rank]


def update_passes(devices: Devices, lengths: Sequence[int], max_tokens: int) -> list[Pass[int]]:
    """This device's passes of one update, each row a row of the update.

    Args:
        devices: All devices.
        lengths: [n] tokens of the update's rows, the same everywhere.
        max_tokens: Budget of one pass.
    """

    def plan(share: Sequence[int]) -> list[list[int]]:
        groups = micro_batches([lengths[i] for i in share], max_tokens)
        return [[share[i] for i in group] for group in groups]

    return planned_passes(devices, lengths, plan)


def planned_passes(
    devices: Devices,
    lengths: Sequence[int],
    plan: Callable[[Sequence[int]], Sequence[Sequence[Row]]],
) -> list[Pass[Row]]:
    """This device's passes of one update: equally many on every device.

    Sharded layers are gathered in every pass, so a device with fewer passes takes part with its
    shortest problem (or the update's) at weight 0.

    Args:
        devices: All devices.
        lengths: [n] tokens of the update's problems, the same everywhere.
        plan: The passes over some problems, each as its rows.
    """
    shares = balanced_shares(lengths, devices.count)
    plans = [plan(share) if share else [] for share in shares]
    mine = [Pass(rows=tuple(rows), is_filler=False) for rows in plans[devices.rank]]
    shortest = min(shares[devices.rank] or range(len(lengths)), key=lambda i: (lengths[i], i))
    missing = max(len(of_device) for of_device in plans) - len(mine)
    return mine + [Pass(rows=tuple(plan([shortest])[0]), is_filler=True)] * missing
