"""A job on the tiny random model with problems made here."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from backend.contract.artifacts import Home
from backend.contract.config import RLConfig
from tests.worker.conftest import picture

SMALL = {
    "model": "tiny",
    "dataset": "made-here",
    "precision": "float32",
    "device": "cpu",
    "epochs": 2,
    "data": {"prompt_suffix": "\nAnswer in \\boxed{}."},
    "sampling": {"max_response_tokens": 8},
    "algorithm": {
        "responses_per_rl_step": 4,
        "responses_per_update": 2,
        "kl_coefficient": 0.01,
    },
    "optimizer": {"learning_rate": 1e-3},
    "evaluation": {
        "max_response_tokens": 6,
        "decoding": [
            {"k": 2, "temperature": 1.0},
            {"k": 1, "temperature": 0.01, "top_p": 0.001},
        ],
        "permuted_control": True,
    },
    "checkpoint": {"every_rl_steps": 2},
}


@pytest.fixture
def home(tmp_path: Path, tiny_folder: Path) -> Home:
    """An installation with a model and a data set."""
    return lay_out(tmp_path, tiny_folder)


def lay_out(root: Path, tiny_folder: Path) -> Home:
    """A model and a data set as an import lays them out."""
    home = Home(root)
    home.model("tiny").parent.mkdir(parents=True)
    home.model("tiny").symlink_to(tiny_folder)
    folder = home.dataset("made-here")
    (folder / "images").mkdir(parents=True)
    for split, count in (("train", 8), ("validation", 3)):
        rows = []
        for index in range(count):
            name = f"{index:064x}"
            picture(index).save(folder / "images" / name, format="PNG")
            image = None if index == 1 else name
            rows.append(
                {
                    "id": f"{split}-{index}",
                    "row": index + 1,
                    "question": f"How many circles are in picture {index}?",
                    "answer": str(index),
                    "image": image,
                }
            )
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return home


def make_run(home: Home, **changes):
    """A run's folder with its configuration; nested keys of SMALL may be changed."""
    run_id = uuid4()
    settings = {
        key: {**value, **changes.get(key, {})}
        if isinstance(value, dict)
        else changes.get(key, value)
        for key, value in (SMALL | {k: v for k, v in changes.items() if k not in SMALL}).items()
    }
    folder = home.run(run_id)
    folder.root.mkdir(parents=True)
    folder.config.write_text(RLConfig.model_validate(settings).model_dump_json())
    return folder
