import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from backend.api.services.dataset_import import import_dataset
from backend.contract.artifacts import Home
from backend.contract.datasets import DatasetManifest, Item
from backend.contract.errors import ConflictError, DatasetInvalidError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "pictures").mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(folder / "pictures" / "red.png")
    Image.new("L", (30, 30), 128).save(folder / "pictures" / "grey.jpg")
    Image.new("RGBA", (30, 30)).save(folder / "pictures" / "clear.webp")
    return folder


def manifest(**splits: str) -> DatasetManifest:
    return DatasetManifest.model_validate(
        {
            "slug": "made-up",
            "title": "Made up",
            "kind": "vision-dominant",
            "licence": "MIT",
            "splits": splits or {"train": "train.jsonl"},
        }
    )


def good(**changes: Any) -> dict[str, Any]:
    row = {"id": "a", "question": "How many?", "image": "pictures/red.png", "answer": "3"}
    return {key: value for key, value in (row | changes).items() if value is not ...}


def write(folder: Path, *rows: dict[str, Any] | bytes, name: str = "train.jsonl") -> None:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))


def imported(folder: Path, home: Home, *rows: dict[str, Any] | bytes) -> list[Item]:
    write(folder, *rows)
    return import_dataset(folder, manifest(), home).items["train"]


def refusal(folder: Path, home: Home, *rows: dict[str, Any] | bytes) -> str:
    write(folder, *rows)
    with pytest.raises(DatasetInvalidError) as error:
        import_dataset(folder, manifest(), home)
    assert not home.dataset("made-up").exists()
    assert not list(home.dataset("made-up").parent.iterdir())
    return error.value.message


def test_rows_and_pictures_are_stored_as_the_contract_says(folder: Path, home: Home):
    rows = [
        good(category="counting"),
        good(id="b", image="pictures/grey.jpg", further={"ignored": True}),
        good(id="c", image=None),
        good(id="d", question=""),
        good(id="e", image="pictures/clear.webp"),
    ]
    write(folder, *rows)
    result = import_dataset(folder, manifest(), home)
    stored = home.dataset("made-up")
    items = [
        Item.model_validate_json(line) for line in (stored / "train.jsonl").read_text().splitlines()
    ]
    assert items == result.items["train"]
    assert [(item.id, item.row) for item in items] == [(i, n) for n, i in enumerate("abcde", 1)]
    assert items[0].category == "counting"
    assert items[2].image is None
    assert items[0].image == items[3].image
    assert result.num_images == len(list((stored / "images").iterdir())) == 3
    red = folder / "pictures" / "red.png"
    assert (stored / "images" / str(items[0].image)).read_bytes() == red.read_bytes()


def test_difficulty_is_text_or_a_number_under_either_name(folder: Path, home: Home):
    wanted = [
        ({"difficulty": 0}, "0"),
        ({"difficulty": "hard"}, "hard"),
        ({"difficult": "easy"}, "easy"),
        ({"difficulty": None, "difficult": 2.50}, "2.5"),
        ({"difficulty": " "}, None),
        ({}, None),
    ]
    write(folder, *(good(id=str(i), **keys) for i, (keys, _) in enumerate(wanted)))
    items = import_dataset(folder, manifest(), home).items["train"]
    assert [item.difficulty for item in items] == [difficulty for _, difficulty in wanted]


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"answer": "3", "solution": r"\boxed{4}"}, "3"),
        ({"answer": "", "solution": r"so \boxed{1}, no: \boxed{\frac{1}{2}}"}, r"\frac{1}{2}"),
        ({"answer": None, "solution": r"\boxed{5:9}"}, "5:9"),
        ({"answer": ..., "solution": r"\boxed{7}"}, "7"),
        ({"answer": r"\boxed{7}"}, "7"),
        ({"answer": " 7 "}, "7"),
        ({"answer": 6}, "6"),
    ],
)
def test_the_gold_answer_is_the_answer_or_the_last_box_of_the_solution(
    folder: Path, home: Home, row: dict[str, Any], answer: str
):
    assert imported(folder, home, good(**row))[0].answer == answer


def test_numbers_keep_the_digits_they_are_written_with(folder: Path, home: Home):
    line = b'{"id": 12, "question": "q", "image": null, "answer": 6.50}'
    item = imported(folder, home, line)[0]
    assert (item.id, item.answer) == ("12", "6.50")


@pytest.mark.parametrize(
    ("question", "stored"),
    [
        ("<image>Find $x$.", "Find $x$."),
        ("<image>\nFind $x$.", "Find $x$."),
        ("Find $x$. <image>", "Find $x$."),
        ("In <image> find $x$.", "In  find $x$."),
        ("<image>", ""),
        (" Find $x$. ", " Find $x$. "),
    ],
)
def test_one_placeholder_is_stripped_from_the_question(
    folder: Path, home: Home, question: str, stored: str
):
    assert imported(folder, home, good(question=question))[0].question == stored


BAD_ROWS: list[tuple[dict[str, Any] | bytes, str]] = [
    (b"{", "invalid JSON"),
    (b"", "line is empty"),
    (b"[1]", "must be a JSON object"),
    (b'{"id": "\xff"}', "not UTF-8"),
    (b'{"id": NaN}', "NaN"),
    (b'{"a":' * 100_000, "nested too deeply"),
    (good(id=...), "missing key 'id'"),
    (good(id=""), "'id' is empty"),
    (good(id="  "), "'id' is empty"),
    (good(id="x" * 201), "201 characters"),
    (good(id=["a"]), "must be text, got list"),
    (good(answer=""), "no answer"),
    (good(answer="  "), "no answer"),
    (good(answer=...), "no answer"),
    (good(answer="", solution="no box"), "no answer"),
    (good(answer="", solution=r"\boxed{}"), "no answer"),
    (good(answer=True), "must be text, got bool"),
    (good(image=...), "missing key 'image'"),
    (good(image=""), "'image' is empty"),
    (good(question=...), "missing key 'question'"),
    (good(question=None), "got null"),
    (good(question=" ", image=None), "neither question nor picture"),
    (good(question="<image><image>"), "2 placeholders"),
    (good(question="<image>x", image=None), "without a picture"),
    (good(question="a\0b"), "NUL"),
    (good(answer="\ud800"), "surrogate"),
    (good(category=["x"]), "'category' must be text"),
    (good(difficulty=True), "'difficulty' must be text"),
    (good(image="pictures/missing.png"), "is missing"),
    (good(image="pictures"), "is missing"),
    (good(image="../secret.png"), "leaves the folder"),
    (good(image="pictures/../../secret.png"), "leaves the folder"),
    (good(image="/etc/passwd"), "leaves the folder"),
    (good(image="..\\secret.png"), "leaves the folder"),
    (good(image="link.png"), "leaves the folder"),
    (good(image="folder/secret.png"), "leaves the folder"),
    (good(image="x" * 300), "picture"),
    (good(image="a\0b"), "NUL"),
    (good(question="x" * 2**20), "bytes, allowed"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_bad_row_refuses_the_import_by_file_and_row(
    folder: Path, home: Home, row: dict[str, Any] | bytes, reason: str
):
    secret = folder.parent / "secret.png"
    Image.new("RGB", (30, 30)).save(secret)
    (folder / "link.png").symlink_to(secret)
    (folder / "folder").symlink_to(folder.parent, target_is_directory=True)
    message = refusal(folder, home, good(id="first"), row)
    assert reason in message.splitlines()[1]
    assert message.splitlines()[1].startswith("train.jsonl row 2: ")


def test_a_picture_behind_a_link_inside_the_folder_is_taken(folder: Path, home: Home):
    (folder / "link.png").symlink_to(folder / "pictures" / "red.png")
    assert imported(folder, home, good(image="link.png"))[0].image


def test_every_bad_row_of_every_file_is_listed(folder: Path, home: Home):
    write(folder, good(), good(id="b", answer=""), good(), b"{")
    write(folder, good(image="no.png"), good(), name="test.jsonl")
    with pytest.raises(DatasetInvalidError) as error:
        import_dataset(folder, manifest(train="train.jsonl", test="test.jsonl"), home)
    heading, *rows = error.value.message.splitlines()
    assert heading.startswith("4 rows are refused")
    assert [row.split(": ")[0] for row in rows] == [
        "train.jsonl row 2",
        "train.jsonl row 3",
        "train.jsonl row 4",
        "test.jsonl row 1",
    ]
    assert "'a' stands already in row 1" in rows[1]


def test_a_long_list_of_bad_rows_ends_in_a_count(folder: Path, home: Home):
    message = refusal(folder, home, *[good(id=str(number), answer="") for number in range(250)])
    assert message.splitlines()[0].startswith("250 rows")
    assert message.splitlines()[-1] == "and 50 more rows"
    assert len(message.splitlines()) == 202


def test_a_broken_picture_refuses_every_row_that_shows_it(folder: Path, home: Home):
    whole = (folder / "pictures" / "red.png").read_bytes()
    (folder / "bad.png").write_bytes(whole[:-20])
    message = refusal(folder, home, good(image="bad.png"), good(id="b", image="bad.png"))
    assert re.findall(r"row (\d): picture 'bad.png' is", message) == ["1", "2"]


def test_a_pipe_in_place_of_a_picture_does_not_stop_the_import(folder: Path, home: Home):
    os.mkfifo(folder / "pipe.png")
    assert "is missing" in refusal(folder, home, good(image="pipe.png"))


def test_an_existing_data_set_is_left_alone(folder: Path, home: Home):
    imported(folder, home, good())
    before = sorted(path.name for path in home.dataset("made-up").rglob("*"))
    with pytest.raises(ConflictError, match="made-up exists already"):
        imported(folder, home, good(answer="4"))
    assert sorted(path.name for path in home.dataset("made-up").rglob("*")) == before
    assert '"answer":"3"' in (home.dataset("made-up") / "train.jsonl").read_text()


def test_the_manifest_is_read_from_the_folder(folder: Path, home: Home):
    write(folder, good())
    (folder / "dataset.yaml").write_text(
        "slug: shapes\ntitle: Shapes\nkind: vision-dominant\nlicence: CC0\n"
        "splits: {train: train.jsonl}\n"
    )
    assert import_dataset(folder, None, home).manifest.slug == "shapes"
    assert home.dataset("shapes").is_dir()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "is missing"),
        ("slug: [", "no valid YAML"),
        ("!!python/object/apply:os.system ['true']", "no valid YAML"),
        ("just text", "dataset.yaml: the file"),
        (
            "slug: ../x\ntitle: t\nkind: vision-dominant\nlicence: x\nsplits: {train: t.jsonl}",
            "slug",
        ),
        ("slug: x\ntitle: t\nkind: blue\nlicence: x\nsplits: {train: t.jsonl}", "kind"),
        (
            "slug: x\ntitle: t\nkind: vision-dominant\nlicence: x\nsplits: {train: ../t.jsonl}",
            "train",
        ),
        ("slug: x\ntitle: t\nkind: vision-dominant\nlicence: x\nsplits: {}", "splits"),
        ("a: " + "x" * 70_000, "bytes"),
    ],
)
def test_a_bad_manifest_is_refused_with_the_field(
    folder: Path, home: Home, text: str | None, reason: str
):
    if text is not None:
        (folder / "dataset.yaml").write_text(text)
    with pytest.raises(DatasetInvalidError, match=reason):
        import_dataset(folder, None, home)


def test_a_missing_or_empty_file_is_refused(folder: Path, home: Home):
    with pytest.raises(DatasetInvalidError, match=r"train\.jsonl is missing"):
        import_dataset(folder, manifest(), home)
    write(folder)
    with pytest.raises(DatasetInvalidError, match="holds no rows"):
        import_dataset(folder, manifest(), home)
    with pytest.raises(DatasetInvalidError, match="no folder"):
        import_dataset(folder / "nowhere", manifest(), home)
    assert not home.dataset("made-up").exists()


def test_a_solution_is_kept_whole_and_an_empty_one_is_none(folder: Path, home: Home):
    worked = "Two and one.\n\\textbf{So} \\boxed{3}"
    rows = [good(id="a", solution=worked), good(id="b", solution=" "), good(id="c")]
    assert [item.solution for item in imported(folder, home, *rows)] == [worked, None, None]
