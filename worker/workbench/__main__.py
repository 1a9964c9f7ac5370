"""The workbench's commands: `python -m worker.workbench datasets|pretrain --out DIR`."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from worker.workbench.allocator import keep_freed_memory
from worker.workbench.base import RECORD_FILE, pretrain_base
from worker.workbench.datasets import DATASET_SEED, write_datasets
from worker.workbench.pretraining import PretrainingSettings


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="python -m worker.workbench",
        description="A small vision-language model and problems with pictures, made from a seed: "
        "the means to see RL learn without a GPU and without downloads.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    datasets = commands.add_parser(
        "datasets",
        help="write the three data sets (seconds)",
        description="Write workbench-vision, workbench-text and workbench-vision-permuted, each "
        "a folder in the import format: dataset.yaml, JSON lines, pictures.",
    )
    datasets.add_argument("--out", type=Path, required=True, help="folder for the three folders")
    datasets.add_argument(
        "--seed", type=int, default=DATASET_SEED, help="default %(default)s, the published sets"
    )
    pretrain = commands.add_parser(
        "pretrain",
        help="make the base checkpoint (some 30 minutes on two cores)",
        description="Pre-train the small model from random weights. Returns at once where the "
        "folder has a finished base with the same settings. Ctrl-C stops it; nothing is written.",
    )
    pretrain.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    defaults = PretrainingSettings()
    for option, meaning in (
        ("seed", "of weights and corpus"),
        ("study_steps", "steps that teach to read pictures"),
        ("practice_steps", "steps that teach to count and to calculate"),
        ("habit_steps", "steps that teach the habits RL chooses among"),
        ("batch_size", "examples a step"),
    ):
        flag = "--" + option.replace("_", "-")
        default = getattr(defaults, option)
        pretrain.add_argument(flag, type=int, default=default, help=f"{meaning} ({default})")
    pretrain.add_argument(
        "--threads",
        type=int,
        default=min(8, os.cpu_count() or 1),
        help="CPU threads (%(default)s); the last digits of the weights depend on it",
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command and return the exit code."""
    options = build_parser().parse_args(arguments)
    console = Console()
    if options.command == "datasets":
        for folder in write_datasets(options.out, seed=options.seed):
            console.print(f"wrote {folder}")
        return 0
    keep_freed_memory()
    settings = PretrainingSettings(
        seed=options.seed,
        study_steps=options.study_steps,
        practice_steps=options.practice_steps,
        habit_steps=options.habit_steps,
        batch_size=options.batch_size,
    )
    try:
        is_new = pretrain_base(options.out, settings, num_threads=options.threads)
    except KeyboardInterrupt:
        console.print("stopped; nothing was written")
        return 130
    record = options.out / RECORD_FILE
    console.print(f"{'made' if is_new else 'already there'}: {options.out}")
    console.print(record.read_text(encoding="utf-8"), markup=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
