"""Step I, data flow: problems to prompts."""

from collections.abc import Sequence
from pathlib import Path

from transformers import PreTrainedModel

from backend.contract.config import DataConfig
from backend.contract.datasets import Item
from worker.data.encoding import encode_prompts
from worker.modeling.loading import Processor
from worker.rl.types import Batch


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
    prompts = encode_prompts(items, folder=folder, policy=policy, processor=processor, cfg=cfg)
    return Batch(items=tuple(items), prompts=prompts)
