"""The base checkpoint: made once by pre-training, kept in `worker/workbench/base`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerFast,
    Qwen2_5_VLForConditionalGeneration,
)

from worker.workbench.datasets import build_published
from worker.workbench.measuring import Sampling, measure_accuracy
from worker.workbench.model import build_image_processor, build_model
from worker.workbench.pretraining import (
    Phase,
    PretrainingSettings,
    train_corpus_tokenizer,
    train_phase,
)

RECORD_FILE = "base.json"

BASE_FOLDER = Path(__file__).parent / "base"
"""The checkpoint that comes with the repository."""


def read_settings_hash(folder: Path) -> str | None:
    """The hash of the settings that a finished base was made with; None if there is none."""
    record = folder / RECORD_FILE
    if not record.exists():
        return None
    return json.loads(record.read_text(encoding="utf-8"))["settings_hash"]


def pretrain_base(folder: Path, settings: PretrainingSettings, *, num_threads: int) -> bool:
    """Make the base checkpoint, unless the folder has the one that these settings make.

    Returns:
        Whether it was made just now.
    """
    if read_settings_hash(folder) == settings.compute_hash():
        return False
    torch.set_num_threads(num_threads)
    tokenizer = train_corpus_tokenizer(settings.seed)
    model = build_model(tokenizer, seed=settings.seed)
    final_losses = {phase: train_phase(model, tokenizer, settings, phase) for phase in Phase}
    save_base(model, tokenizer, folder)
    record = {
        "settings_hash": settings.compute_hash(),
        "settings": asdict(settings),
        "final_losses": {str(phase): round(loss, 4) for phase, loss in final_losses.items()},
        "measured": measure_base(folder),
    }
    text = json.dumps(record, indent=2) + "\n"
    (folder / RECORD_FILE).write_text(text, encoding="utf-8")
    return True


def save_base(
    model: Qwen2_5_VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    """Write the checkpoint, its weights in float16, with all that is needed to load it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD_FILE).unlink(missing_ok=True)
    half: Any = model  # `to` is wrapped by transformers and loses its signature
    half.to(torch.float16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    build_image_processor().save_pretrained(folder)


def load_base(
    folder: Path = BASE_FOLDER,
) -> tuple[Qwen2_5_VLForConditionalGeneration, PreTrainedTokenizerFast]:
    """The model in float32 and its tokenizer."""
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(folder)


def measure_base(folder: Path) -> dict[str, dict[str, float]]:
    """By data set and split, the accuracy of greedy and of sampled responses (T = 1)."""
    model, tokenizer = load_base(folder)
    measured: dict[str, dict[str, float]] = {}
    for dataset in build_published():
        for split in ("validation", "test"):
            accuracies = {
                name: measure_accuracy(
                    model, tokenizer, dataset.splits[split], Sampling(temperature=temperature)
                )
                for name, temperature in (("greedy", 0.0), ("sampled", 1.0))
            }
            measured[f"{dataset.slug}/{split}"] = accuracies
    return measured
