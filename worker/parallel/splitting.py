"""Which device makes which forward passes."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.parallel.devices import Devices, balanced_shares
from worker.tensors.micro_batches import micro_batches


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """One forward pass of one device."""

    rows: tuple[int, ...]
    """Rows of the update."""
    is_filler: bool
    """True when the device has nothing to do but must send its messages: weight 0."""


def device_rows(devices: Devices, lengths: Sequence[int]) -> list[int]:
    """The rows of this device; all devices' rows cost about the same."""
    return balanced_shares(lengths, devices.count)[devices.rank]


def update_passes(devices: Devices, lengths: Sequence[int], max_tokens: int) -> list[Pass]:
    """This device's passes of one update: equally many on every device.

    Sharded layers are gathered in every pass, so a device with fewer rows takes part with its
    shortest row (or the update's) at weight 0.

    Args:
        devices: All devices.
        lengths: [n] tokens of the update's rows, the same everywhere.
        max_tokens: Budget of one pass.
    """
    shares = balanced_shares(lengths, devices.count)
    groups = [
        [
            [share[i] for i in group]
            for group in micro_batches([lengths[i] for i in share], max_tokens)
        ]
        for share in shares
    ]
    mine = [Pass(rows=tuple(group), is_filler=False) for group in groups[devices.rank]]
    shortest = min(shares[devices.rank] or range(len(lengths)), key=lambda i: (lengths[i], i))
    missing = max(len(of_device) for of_device in groups) - len(mine)
    return mine + [Pass(rows=(shortest,), is_filler=True)] * missing
