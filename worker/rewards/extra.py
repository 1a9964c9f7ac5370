"""Values of rewards from installed packages, measured in worker processes with a hard limit."""

import logging
import sys
from collections.abc import Sequence

from worker.rewards.worker_pool import WorkerPool

log = logging.getLogger(__name__)

ExtraValues = dict[str, float | None]
"""Name of a reward to its value; None where it hung, crashed, raised or was not finite."""


class ExtraRewards:
    """Some rewards by name, each with worker processes of its own; to be closed."""

    def __init__(self, names: Sequence[str], *, timeout_s: float, num_workers: int) -> None:
        """Start a process for each reward.

        Args:
            names: Entry points that were let in (`worker.rewards.entry_points.check_rewards`).
            timeout_s: Hard limit on one value, in s of wall-clock time.
            num_workers: Most processes of each reward.
        """
        program = [sys.executable, "-m", "worker.rewards.extra_process"]
        self._pools = {
            name: WorkerPool(
                [*program, name, str(timeout_s)], num_workers=num_workers, timeout_s=timeout_s
            )
            for name in names
        }

    def close(self) -> None:
        """End the worker processes."""
        for pool in self._pools.values():
            pool.close()

    def values(self, responses: Sequence[tuple[str, str]]) -> list[ExtraValues]:
        """Values of all rewards for each response.

        Args:
            responses: Pairs of response text and gold answer.

        Raises:
            RuntimeError: A worker process cannot be started.
        """
        requests = [{"response": text, "answer": answer} for text, answer in responses]
        found: list[ExtraValues] = [{} for _ in requests]
        for name, pool in self._pools.items():
            for values, reply in zip(found, pool.ask(requests), strict=True):
                values[name] = reply.get("value") if isinstance(reply, dict) else None
                if isinstance(reply, dict) and "error" in reply:
                    log.warning("reward %s has no value: %s", name, reply["error"])
        return found
