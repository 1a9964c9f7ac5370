"""Three RL steps on rows of real Geometry3K, imported as any user's data set is."""

import json
import math
import shutil

from backend.api.services.dataset_import import import_dataset
from backend.contract.datasets import DatasetManifest
from tests.worker.rl.conftest import make_run
from tests.worker.rl.spooled import metrics, samples
from worker.rl.__main__ import run


def test_three_rl_steps_on_geometry3k(home, tmp_path, test_data):
    source, folder = test_data / "geometry3k", tmp_path / "import"
    folder.mkdir()
    rows = [json.loads(line) for line in (source / "train.jsonl").read_text().splitlines()[:12]]
    for row in rows:
        (folder / row["image"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / row["image"], folder / row["image"])
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    manifest = DatasetManifest(
        slug="geometry3k-rows",
        title="Geometry3K, first rows",
        kind="vision-dominant",
        licence="MIT",
        splits={"train": "train.jsonl"},
    )
    import_dataset(folder, manifest, home)
    run_folder = make_run(
        home, dataset="geometry3k-rows", epochs=1, data={"max_image_pixels": 200_000}
    )
    run(home, run_folder, 1)
    logged = metrics(run_folder)
    assert {step for step, key in logged if key == "policy/loss"} == {1, 2, 3}
    assert all(math.isfinite(value) for value in logged.values())
    assert {sample.item_id for sample in samples(run_folder)} == {row["id"] for row in rows}
