"""Step I, data flow: problems to prompts, in an order that the seed decides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from backend.contract.config import DataConfig
from backend.contract.datasets import Item
from backend.contract.errors import TrainingError
from worker.data.collate import collate
from worker.data.datasets import open_image
from worker.data.prompts import encode_prompt
from worker.modeling.loading import Processor
from worker.rl.types import Batch


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """The problems of one RL step."""

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

    def __init__(self, items: Sequence[Item], *, batch_size: int, epochs: int, seed: int) -> None:
        """Check the sizes.

        Args:
            items: The training split.
            batch_size: Problems of an RL step.
            epochs: Passes over the split.
            seed: The run's seed.

        Raises:
            TrainingError: the split does not fill one batch.
        """
        if len(items) < batch_size:
            raise TrainingError(
                f"the training split has {len(items)} problems, responses_per_rl_step is "
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
            order = np.random.Generator(np.random.Philox(key=[self._seed, epoch])).permutation(
                len(self._items)
            )
            chosen = order[index * self._batch_size : (index + 1) * self._batch_size]
            yield Draw(
                rl_step=step,
                epoch=epoch,
                is_epoch_start=index == 0,
                is_epoch_end=index == self.rl_steps_per_epoch - 1,
                items=tuple(self._items[i] for i in chosen),
            )


def encode(
    items: Sequence[Item],
    *,
    folder: Path,
    policy: PreTrainedModel,
    processor: Processor,
    cfg: DataConfig,
) -> Batch:
    """The prompts of some problems.

    Args:
        items: B problems.
        folder: The imported data set, for the pictures.
        policy: Its vision tower reads the pictures.
        processor: The model's tokenizer and image processor.
        cfg: How a problem becomes a prompt.
    """
    encoded = [
        encode_prompt(item, open_image(folder, item), processor=processor, cfg=cfg)
        for item in items
    ]
    return Batch(items=tuple(items), prompts=collate(encoded, policy=policy, processor=processor))
