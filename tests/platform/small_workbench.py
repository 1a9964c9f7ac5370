"""The workbench's model and a few of its problems: answers that are sometimes right."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import worker.workbench
from backend.contract.presets import load_presets
from maye.client import Client
from tests.platform.living_platform import ROOT

DATASET = "workbench-vision"
MODEL = "workbench-base"
NUM_ROWS = {"train": 32, "validation": 24, "test": 24}


def write_workbench(folder: Path) -> None:
    """The model and a shortened data set in the import format, under one folder."""
    argv = [sys.executable, "-m", "worker.workbench", "datasets", "--out", str(folder / "whole")]
    subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    shutil.copytree(folder / "whole" / DATASET, folder / DATASET)
    for split, number in NUM_ROWS.items():
        file = folder / DATASET / f"{split}.jsonl"
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:number]))
    shutil.copytree(Path(worker.workbench.__path__[0]) / "base", folder / MODEL)


def publish_workbench(client: Client, source: Path, home: Path) -> None:
    """Register what `write_workbench` has written."""
    for name in (DATASET, MODEL):
        shutil.copytree(source / name, home / "import" / name)
    client.post("datasets", {"folder": DATASET})
    client.post("models", {"folder": MODEL, "slug": MODEL, "title": "Workbench base"})


def quickstart_settings(epochs: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Configurations of short RL and short SFT for settings of an experiment."""
    rl, sft = (
        json.loads(preset.config.model_dump_json())
        for slug in ("quickstart", "quickstart-sft")
        for preset in load_presets()
        if preset.slug == slug
    )
    for config in (rl, sft):
        for key in ("kind", "model", "dataset", "seed"):
            del config[key]
        config["epochs"] = epochs
        config["evaluation"] |= {
            "every_epochs": 1,
            "decoding": [{"k": 1, "temperature": 0.6}, {"k": 2, "temperature": 1.0}],
        }
        config["checkpoint"]["every_rl_steps"] = 1
    rl["algorithm"] |= {
        "responses_per_rl_step": 32,
        "responses_per_update": 32,
        "responses_per_prompt": 2,
    }
    rl["evaluation"]["permuted_control"] = False
    sft["evaluation"]["permuted_control"] = False
    return rl, sft
