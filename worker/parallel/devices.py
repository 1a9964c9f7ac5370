"""The devices of a run, one process each, and what they say to each other.

Every device keeps the whole batch's small tensors (tokens, masks, log-probabilities, rewards) and
computes everything that follows from them by itself; only forward and backward passes are shared
out. So advantages, order and learning rates need no messages, and are equal everywhere. Messages
are tensors and JSON, never pickles.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from backend.contract.config import ParallelConfig
from backend.contract.errors import TrainingError
from worker.parallel.phases import describe_wait

Result = TypeVar("Result")


class Devices:
    """All devices of a run as one of them sees them; `torchrun` sets rank and number."""

    def __init__(self, *, rank: int, count: int, device: torch.device, timeout_s: float) -> None:
        """Know one's place; `join` connects, `alone` needs no connection.

        Args:
            rank: This process, from 0.
            count: Processes of the run.
            device: Where this process computes.
            timeout_s: Longest wait for the others, in s.
        """
        self.rank = rank
        """This process, from 0."""
        self.count = count
        """Processes of the run."""
        self.device = device
        """Where this process computes."""
        self._timeout_s = timeout_s
        self._control: dist.ProcessGroup | None = None
        self.mesh: DeviceMesh | None = None
        """All devices in a row, for sharding; None for a single one."""

    @classmethod
    def alone(cls, device: torch.device | None = None) -> Self:
        """One device, no messages."""
        return cls(rank=0, count=1, device=device or torch.device("cpu"), timeout_s=0.0)

    @classmethod
    def join(cls, cfg: ParallelConfig, device: torch.device) -> Self:
        """Meet the others that `torchrun` started (environment RANK and WORLD_SIZE).

        Raises:
            TrainingError: not as many processes were started as the configuration wants.
        """
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count != cfg.devices:
            raise TrainingError(
                f"{count} processes were started, parallel.devices is {cfg.devices}: start the "
                f"trainer by torchrun with {cfg.devices} processes"
            )
        if count == 1:
            return cls.alone(device)
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(device)
        devices = cls(
            rank=int(os.environ["RANK"]),
            count=count,
            device=device,
            timeout_s=cfg.collective_timeout_s,
        )
        timeout = timedelta(seconds=cfg.collective_timeout_s)
        with devices.waiting_for("all processes to connect"):
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=timeout)
            # Only gloo can say who is missing; it also carries what lies in the host's memory.
            devices._control = dist.new_group(backend="gloo", timeout=timeout)  # pyright: ignore[reportAttributeAccessIssue]
            devices.mesh = init_device_mesh(device.type, (count,))
        return devices

    def close(self) -> None:
        """Disconnect."""
        if self.count > 1:
            dist.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """True on the one device that judges, reports and saves."""
        return self.rank == 0

    @contextmanager
    def waiting_for(self, what: str) -> Iterator[None]:
        """Around messages: an error of the connection says what was waited for.

        Raises:
            TrainingError: the others did not answer within the bound, or are gone.
        """
        try:
            yield
        except (RuntimeError, dist.DistError) as error:
            wait = describe_wait(error)
            if wait is None:
                raise
            raise TrainingError(
                f"device {self.rank} of {self.count} waited for {what}: {wait}; the bound is "
                f"parallel.collective_timeout_s = {self._timeout_s:g} s"
            ) from error

    def meet(self, what: str) -> None:
        """Go on when every device has come here, so that what follows cannot wait for long.

        Raises:
            TrainingError: names what was waited for and who did not come.
        """
        if self.count > 1:
            with self.waiting_for(what):
                dist.monitored_barrier(self._control, timedelta(seconds=self._timeout_s))

    def in_turn(self, act: Callable[[], Result], what: str) -> Result:
        """Do something on the first device, then on the others, which find its traces.

        Args:
            act: May rename or write files that all devices see.
            what: For the error.
        """
        if self.is_first:
            done = act()
            self.meet(what)
            return done
        self.meet(what)
        return act()

    def share(self, number: int) -> range:
        """This device's part of so many things in a row; the parts differ by one at most."""
        start, stop = (number * rank // self.count for rank in (self.rank, self.rank + 1))
        return range(start, stop)

    def sum(self, values: Tensor, what: str) -> Tensor:
        """Sum over the devices, the same on all of them.

        Args:
            values: Any shape, the same everywhere; of this or the host's memory.
            what: For the error.
        """
        if self.count > 1:
            self.meet(what)
            with self.waiting_for(what):
                group = self._control if values.device.type == "cpu" else None
                dist.all_reduce(values, group=group)
        return values

    def gather_rows(self, rows: Tensor, what: str, *, fill: float) -> Tensor:
        """Rows of all devices in rank order.

        Args:
            rows: [b, R] of this device; b and R may differ between devices.
            what: For the error.
            fill: Value of the columns that other devices have more.

        Returns:
            [B, widest R].
        """
        if self.count == 1:
            return rows
        shape = torch.zeros(self.count, 2, dtype=torch.long)
        shape[self.rank] = torch.tensor(rows.shape)
        shapes = self.sum(shape, what)
        height, width = shapes.amax(dim=0).tolist()
        block = rows.new_full((height, width), fill)
        block[: rows.shape[0], : rows.shape[1]] = rows
        parts = [torch.empty_like(block) for _ in range(self.count)]
        with self.waiting_for(what):
            dist.all_gather(parts, block, group=self._control if block.is_cpu else None)
        return torch.cat([part[: int(n)] for part, (n, _) in zip(parts, shapes, strict=True)])

    def tell(self, content: Any, what: str) -> Any:
        """What the first device says, on every device.

        Args:
            content: JSON of the first device; ignored elsewhere.
            what: For the error.
        """
        if self.count == 1:
            return content
        text = json.dumps(content).encode() if self.is_first else b""
        length = self.sum(torch.tensor([len(text)]), what)
        data = torch.zeros(int(length), dtype=torch.uint8)
        if self.is_first:
            data = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        with self.waiting_for(what):
            dist.broadcast(data, src=0, group=self._control)
        return json.loads(bytes(data.tolist()))


def balanced_shares(costs: Sequence[int], count: int) -> list[list[int]]:
    """Indices dealt out so that the shares cost about the same: longest first, to the cheapest.

    >>> balanced_shares([9, 1, 2, 8], 2)
    [[0, 1], [2, 3]]
    """
    shares: list[list[int]] = [[] for _ in range(count)]
    totals = [0] * count
    for index in sorted(range(len(costs)), key=lambda i: (-costs[i], i)):
        cheapest = totals.index(min(totals))
        shares[cheapest].append(index)
        totals[cheapest] += costs[index]
    return [sorted(share) for share in shares]
