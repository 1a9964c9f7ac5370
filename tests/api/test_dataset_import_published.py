"""Published data sets, imported by the same code as the made-up ones."""

import json
from pathlib import Path

import pytest

from backend.api.services.dataset_import import import_dataset
from backend.contract.artifacts import Home
from backend.contract.datasets import DatasetManifest
from backend.contract.errors import DatasetInvalidError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def manifest(**splits: str) -> DatasetManifest:
    content = {"slug": "made-up", "title": "Made up", "kind": "vision-dominant", "licence": "MIT"}
    return DatasetManifest.model_validate({**content, "splits": splits})


def test_geometry3k_is_imported_in_full(test_data: Path, home: Home):
    result = import_dataset(
        test_data / "geometry3k",
        manifest(train="train.jsonl", validation="val.jsonl", test="test.jsonl"),
        home,
    )
    assert {split: len(items) for split, items in result.items.items()} == {
        "train": 2089,
        "validation": 296,
        "test": 601,
    }
    assert result.num_images == len(list((home.dataset("made-up") / "images").iterdir()))


def test_the_papers_own_lists_are_refused_by_the_rows_whose_pictures_are_missing(
    test_data: Path, home: Home
):
    folder = test_data / "geometry3k" / "maye_native"
    names = {"train": "geometry3k_rl_v0.jsonl", "validation": "geometry3k_validation_v0.jsonl"}
    missing = [
        f"{name} row {number}"
        for name in names.values()
        for number, line in enumerate((folder / name).read_text().splitlines(), start=1)
        if not (folder / json.loads(line)["image"]).exists()
    ]
    with pytest.raises(DatasetInvalidError) as error:
        import_dataset(folder, manifest(**names), home)
    assert [row.split(":")[0] for row in error.value.message.splitlines()[1:]] == missing
    assert len(missing) == 16


def test_the_papers_own_lists_lose_their_placeholder(test_data: Path, home: Home):
    folder = test_data / "geometry3k" / "maye_native"
    names = manifest(
        train="geometry3k_validation_v0.available.jsonl", test="geometry3k_test_v0.jsonl"
    )
    items = import_dataset(folder, names, home).items
    assert (len(items["train"]), len(items["test"])) == (296, 601)
    assert not [item for split in items.values() for item in split if "<image>" in item.question]


def test_nlvr_is_imported_by_the_same_code(test_data: Path, home: Home):
    names = manifest(train="count_train.jsonl", test="count_test.jsonl")
    items = import_dataset(test_data / "nlvr", names, home).items
    assert (len(items["train"]), len(items["test"])) == (1963, 990)
