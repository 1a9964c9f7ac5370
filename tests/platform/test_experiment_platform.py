"""A tiny experiment in real processes, from one request to its report."""

import json
import time
from io import StringIO
from typing import Any

from rich.console import Console

from maye.experiment_progress import follow_experiment
from maye.report_text import print_report
from tests.databases import ON_BOTH_DATABASES
from tests.platform.living_platform import (
    DATASET,
    MODEL,
    NUM_TRAIN,
    LivingPlatform,
    tiny_config,
)

pytestmark = ON_BOTH_DATABASES
NUM_EPOCHS = 2
TAUGHT = "tiny-sums-taught"


class Waiter:
    """Stands for the supervisor of `maye demo`, which tends its services while it waits."""

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.2))


def teach(platform: LivingPlatform) -> None:
    """Register the tiny data set once more, with a solution for every training problem."""
    folder = platform.home / "import" / TAUGHT
    source = platform.home / "import" / DATASET
    folder.mkdir()
    for path in source.iterdir():
        text = path.read_text().replace(f"slug: {DATASET}", f"slug: {TAUGHT}")
        if path.name == "train.jsonl":
            rows = [json.loads(line) for line in text.splitlines()]
            solved = [row | {"solution": f"\\boxed{{{row['answer']}}}"} for row in rows]
            text = "".join(json.dumps(row) + "\n" for row in solved)
        (folder / path.name).write_text(text)
    with platform.client() as client:
        client.post("datasets", {"folder": TAUGHT})


def tiny_experiment() -> dict[str, Any]:
    """Vanilla, SFT and RL of a few steps, one seed."""
    rl = tiny_config(epochs=NUM_EPOCHS)
    for key in ("kind", "model", "dataset", "seed"):
        del rl[key]
    rl["evaluation"]["every_epochs"] = 1
    shared = ("epochs", "precision", "device", "data", "evaluation", "checkpoint")
    sft = {key: rl[key] for key in shared}
    sft["supervised"] = {"samples_per_update": NUM_TRAIN, "max_tokens": 512}
    return {
        "name": "Tiny",
        "models": [MODEL],
        "datasets": [TAUGHT],
        "settings": [
            {"name": "vanilla", "kind": "vanilla"},
            {"name": "sft", "kind": "sft", "config": sft},
            {"name": "rl", "kind": "rl", "config": rl},
        ],
        "seeds": [1],
    }


def test_an_experiment_runs_to_its_report(platform: LivingPlatform) -> None:
    teach(platform)
    with platform.client() as client:
        created = client.launch_experiment(tiny_experiment())
        address = created["id"]

        console = Console(file=StringIO(), width=200)
        followed = follow_experiment(Waiter(), client, address, console)
        assert "0 of 3 runs ended: vanilla (tiny-random" in console.file.getvalue()
        assert followed["runs_by_status"] == {"succeeded": 3}
        cells = client.experiment(address)["cells"]
        ends = [(cell["setting"], cell["run"]["status"], cell["run"]["reason"]) for cell in cells]
        assert ends == [(name, "succeeded", None) for name in ("vanilla", "sft", "rl")]
        report = client.report(address)
        again = client.launch_experiment(tiny_experiment() | {"name": "Again", "seeds": [2]})
        client.cancel_experiment(again["id"])
    print_report(report, console)
    assert "rl mean" in console.file.getvalue()
    assert report["is_complete"]
    assert [(row["split"], row["k"]) for row in report["table"]] == [("validation", 1), ("test", 1)]
    for row in report["table"]:
        assert row["vanilla"]["method"] == "Wilson over 2 problems"
        for entry in row["entries"]:
            assert entry["mean"]["num_observations"] == 1
    (figure,) = [figure for figure in report["figures"] if figure["name"] == "figure-5"]
    curves = [s for block in figure["blocks"] for p in block["panels"] for s in p["series"]]
    ends = {(curve["role"], curve["x"][-1]) for curve in curves}
    assert ends >= {("sft", NUM_EPOCHS), ("rl", NUM_EPOCHS)}
    # The model is the same and so is the data: vanilla is not evaluated again.
    assert again["cells"][0]["run"]["id"] == cells[0]["run"]["id"]
