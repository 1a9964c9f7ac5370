"""A home whose problems have solutions, and runs of the kind sft in it."""

import json
from uuid import uuid4

import pytest

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import SFTConfig
from tests.worker.conftest import picture

SMALL = {
    "kind": "sft",
    "model": "tiny",
    "dataset": "made-here",
    "precision": "float32",
    "device": "cpu",
    "epochs": 2,
    "data": {"prompt_suffix": "\nAnswer in \\boxed{}."},
    "supervised": {"samples_per_update": 4, "tokens_per_micro_batch": 256, "max_tokens": 256},
    "optimizer": {"learning_rate": 3e-3},
    "evaluation": {
        "max_response_tokens": 6,
        "decoding": [{"k": 1, "temperature": 0.01, "top_p": 0.001}],
        "permuted_control": True,
    },
    "checkpoint": {"every_rl_steps": 2},
}
SOLUTIONS = (
    "The answer is 0.",
    "What is 3 plus 4? It is not 5. The answer is \\boxed{1}",
    "Is it red?",
    "How many circles? 3",
    "How many circles, and why? The answer is \\boxed{4}.",
    "And why is it not the same as 5? The answer is \\boxed{5}",
    "red",
    "The answer is \\boxed{7}.",
)


@pytest.fixture
def home(tmp_path, tiny_folder) -> Home:
    """Eight training problems of different lengths; the second has no picture."""
    home = Home(tmp_path)
    home.model("tiny").parent.mkdir(parents=True)
    home.model("tiny").symlink_to(tiny_folder)
    folder = home.dataset("made-here")
    (folder / "images").mkdir(parents=True)
    for split, count in (("train", 8), ("validation", 3)):
        rows = []
        for index in range(count):
            name = f"{index:064x}"
            picture(index, (84 + 28 * (index % 3), 84)).save(folder / "images" / name, format="PNG")
            rows.append(
                {
                    "id": f"{split}-{index}",
                    "row": index + 1,
                    "question": "How many circles are in picture?" + " Is it red?" * (index % 3),
                    "answer": str(index),
                    "solution": SOLUTIONS[index] if split == "train" else None,
                    "image": None if index == 1 else name,
                }
            )
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return home


def make_config(**changes) -> SFTConfig:
    """SMALL with keys, or nested keys, changed."""
    settings = dict(SMALL)
    for key, value in changes.items():
        before = settings.get(key)
        settings[key] = {**before, **value} if isinstance(before, dict) else value
    return SFTConfig.model_validate(settings)


def make_run(home: Home, **changes) -> RunFolder:
    """A run's folder with its configuration."""
    folder = home.run(uuid4())
    folder.root.mkdir(parents=True)
    folder.config.write_text(make_config(**changes).model_dump_json())
    return folder
