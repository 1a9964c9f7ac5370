"""The order in which problems are learnt from: batches of the training split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backend.contract.datasets import Item
from backend.contract.errors import TrainingError


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """The problems of one step: an RL step, or an update of supervised fine-tuning."""

    rl_step: int
    """Number of the step, from 1."""
    epoch: int
    """Pass over the training split, from 0."""
    is_epoch_start: bool
    """True for the first step of its epoch."""
    is_epoch_end: bool
    """True for the last step of its epoch."""
    items: tuple[Item, ...]
    """The problems, in order."""


class Sampler:
    """Batches without replacement; the order is a function of (seed, epoch), so nothing is saved.

    As in the paper, the remainder of an epoch that fills no batch is dropped.
    """

    def __init__(
        self, items: Sequence[Item], *, batch_size: int, epochs: int, seed: int, size_field: str
    ) -> None:
        """Check the sizes.

        Args:
            items: The training split.
            batch_size: Problems of a step.
            epochs: Passes over the split.
            seed: The run's seed.
            size_field: Name of the setting that gives the batch its size, for the refusal.

        Raises:
            TrainingError: the split does not fill one batch.
        """
        if len(items) < batch_size:
            raise TrainingError(
                f"the training split has {len(items)} problems, {size_field} is "
                f"{batch_size}: it must be at most the number of problems"
            )
        self._items = tuple(items)
        self._batch_size = batch_size
        self._seed = seed
        self.rl_steps_per_epoch = len(items) // batch_size
        """RL steps in one pass."""
        self.total_rl_steps = self.rl_steps_per_epoch * epochs
        """RL steps of the run."""

    def draws_after(self, rl_step: int) -> Iterator[Draw]:
        """The draws of steps rl_step + 1 and on."""
        for step in range(rl_step + 1, self.total_rl_steps + 1):
            epoch, index = divmod(step - 1, self.rl_steps_per_epoch)
            order = self._order(epoch)
            chosen = order[index * self._batch_size : (index + 1) * self._batch_size]
            yield Draw(
                rl_step=step,
                epoch=epoch,
                is_epoch_start=index == 0,
                is_epoch_end=index == self.rl_steps_per_epoch - 1,
                items=tuple(self._items[i] for i in chosen),
            )

    def replacements(self, draw: Draw) -> Iterator[Item]:
        """The problems that are not in a draw, in an order that follows from seed and step.

        The order of the epoch is not touched: a problem that came as a replacement still comes in
        its own step.
        """
        taken = {item.id for item in draw.items}
        order = self._order(2**33 + draw.rl_step)
        return (self._items[i] for i in order if self._items[i].id not in taken)

    def _order(self, number: int) -> list[int]:
        """A permutation of the split that follows from seed and number."""
        generator = np.random.Generator(np.random.Philox(key=[self._seed, number]))
        return generator.permutation(len(self._items)).tolist()
