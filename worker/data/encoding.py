"""Problems of a data set to prompts, with their pictures."""

from collections.abc import Sequence
from pathlib import Path

from transformers import PreTrainedModel

from backend.contract.config import DataConfig
from backend.contract.datasets import Item
from worker.data.collate import collate
from worker.data.datasets import picture_opener
from worker.data.prompts import encode_prompt
from worker.modeling.loading import Processor
from worker.tensors.batches import Prompts


def encode_prompts(
    items: Sequence[Item],
    *,
    folder: Path,
    policy: PreTrainedModel,
    processor: Processor,
    cfg: DataConfig,
) -> Prompts:
    """The prompts of some problems.

    Args:
        items: B problems.
        folder: The imported data set, for the pictures.
        policy: Its vision tower reads the pictures.
        processor: The model's tokenizer and image processor.
        cfg: How a problem becomes a prompt.
    """
    encoded = [
        encode_prompt(item, picture_opener(folder, item), processor=processor, cfg=cfg)
        for item in items
    ]
    return collate(encoded, policy=policy, processor=processor)
