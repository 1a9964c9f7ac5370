"""Held-out problems that occur in training are refused; pictures that do are told."""

import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from api_caller import NOW, SMALL, Api, step

from backend.api.schemas import FolderImport
from backend.api.services.contamination import find_overlap
from backend.api.services.datasets import add_dataset
from backend.contract.datasets import DatasetManifest
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Dataset, DatasetItem

CAT, DOG, OWL = "c" * 64, "d" * 64, "e" * 64


def fill(api: Api, split: str, *problems: tuple[str | None, str], slug: str = "shapes") -> UUID:
    """Problems of a picture and a question each, from row 101 on."""
    with api.platform.database.session_scope() as session:
        dataset_id = session.scalar(sa.select(Dataset.id).where(Dataset.slug == slug))
        if dataset_id is None:
            dataset_id = uuid4()
            about = {"title": slug, "kind": "text-dominant", "licence": "MIT", "num_images": 0}
            session.add(Dataset(id=dataset_id, slug=slug, created_at=NOW, **about))
            session.flush()
        for row, (image, question) in enumerate(problems, start=101):
            item = DatasetItem(
                dataset_id=dataset_id,
                split=split,
                row=row,
                item_id=f"{split}-{row}",
                question=question,
                answer="1",
                image_sha256=image,
            )
            session.add(item)
    return dataset_id


def submit(api: Api, **config: Any) -> Any:
    return api.post("runs", {"name": "x", "config": {**SMALL, **config}})


def refusal(answer: Any) -> tuple[list[Any], str]:
    assert answer.status_code == 422, answer.text
    (field,) = answer.json()["fields"]
    return field["path"], field["message"]


def test_a_held_out_problem_that_was_trained_on_is_refused_with_both_rows(api: Api) -> None:
    fill(api, "train", (CAT, "How many?"), (DOG, "How many?"), (None, "1 + 1?"), (DOG, "How many?"))
    fill(api, "test", (OWL, "How many?"), (DOG, "How many?"), (None, "1 + 1?"), (CAT, "1 + 1?"))
    path, message = refusal(submit(api))
    assert path == ["config", "dataset"]
    assert message.startswith("data set 'shapes': 2 of 4 problems of split test occur in train")
    assert message.endswith("rows 102 (train row 102), 103 (train row 103)")


def test_ten_rows_are_listed_and_the_others_counted(api: Api) -> None:
    problems = [(CAT, f"Question {number}") for number in range(13)]
    fill(api, "train", *problems)
    fill(api, "validation", *problems)
    _, message = refusal(submit(api))
    assert "13 of 13 problems of split validation" in message
    assert message.endswith("110 (train row 110) and 3 more")


def test_a_picture_alone_is_a_warning_in_reply_history_and_run(api: Api) -> None:
    fill(api, "train", (CAT, "How many?"))
    fill(api, "validation", (CAT, "What colour?"), (OWL, "How many?"), (None, "Or?"))
    fill(api, "test", (OWL, "How many?"))
    answer = submit(api)
    assert answer.status_code == 201, answer.text
    run = answer.json()
    warning = "validation: 1 of 3 problems show a picture that also occurs in train"
    assert run["warnings"] == [warning]
    assert api.get(f"runs/{run['id']}")["warnings"] == [warning]
    events = api.get(f"runs/{run['id']}/events")
    assert [(event["actor"], event["reason"]) for event in events] == [
        ("user", None),
        ("data check", warning),
    ]


def test_a_checkpoint_is_not_evaluated_on_what_it_was_trained_on(api: Api) -> None:
    fill(api, "train", (CAT, "How many?"), (DOG, "What colour?"))
    fill(api, "test", (CAT, "How many?"), (DOG, "How many?"), slug="others")
    run_id = submit(api).json()["id"]
    claim = api.claim()
    assert claim is not None
    name = "step-00000001.f1"
    saved = {"rl_step": 1, "name": name, "manifest_sha256": "d" * 64, "size_bytes": 1}
    assert api.ingest(claim, [step(1), {"type": "checkpoint", **saved}]).is_success
    (api.platform.settings.paths.run(UUID(run_id)).checkpoints / name).mkdir(parents=True)
    body: dict[str, Any] = {"model": "tiny", "dataset": "others", "splits": ["test"]}
    assert api.post("evaluations", {"config": body}).status_code == 201
    body["checkpoint"] = {"run": run_id}
    path, message = refusal(api.post("evaluations", {"config": body}))
    assert path == ["config", "dataset"]
    assert "1 of 2 problems of split test occur in train of data set 'shapes'" in message
    # What it was trained on may be looked at on purpose, as its own split train.
    body |= {"dataset": "shapes", "splits": ["train"]}
    assert api.post("evaluations", {"config": body}).status_code == 201


def test_geometry3k_shares_111_pictures_but_no_problem(
    test_data: Path, tmp_path: Path, database: Database
) -> None:
    settings = Settings(home=tmp_path / "home", import_dir=test_data)
    splits = {"train": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}
    about = {"slug": "geometry3k", "title": "G", "kind": "vision-dominant", "licence": "MIT"}
    manifest = DatasetManifest.model_validate({**about, "splits": splits})
    request = FolderImport(folder="geometry3k", manifest=manifest)
    dataset = add_dataset(database, settings, request, now=NOW)
    with database.read_scope() as session:
        difficulties = session.scalars(
            sa.select(DatasetItem.difficulty)
            .where(DatasetItem.dataset_id == dataset.id, DatasetItem.split == "validation")
            .order_by(DatasetItem.row)
        ).all()
        started = time.perf_counter()
        validation, test = find_overlap(session, dataset.id)
        seconds = time.perf_counter() - started
    assert difficulties[0] == "8"
    assert (validation.refusal, test.refusal, test.warning) == (None, None, None)
    assert validation.warning == (
        "validation: 111 of 296 problems show a picture that also occurs in train"
    )
    assert seconds < 1


@pytest.mark.parametrize("image", [None, CAT])
def test_many_problems_are_compared_quickly(api: Api, image: str | None) -> None:
    def numbered(start: int) -> list[tuple[str | None, str]]:
        pictures = [image and f"{number:064x}" for number in range(start, start + 5000)]
        return [(picture, f"Question {start + i}") for i, picture in enumerate(pictures)]

    fill(api, "train", *numbered(0))
    dataset_id = fill(api, "validation", *numbered(4000))
    with api.platform.database.read_scope() as session:
        started = time.perf_counter()
        (overlap,) = find_overlap(session, dataset_id)
        seconds = time.perf_counter() - started
    assert len(overlap.shared) == 1000
    assert seconds < 1
