"""Data sets from parquet files, with pictures as bytes in the rows."""

import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import ValidationError

from backend.api.services.dataset_import import import_dataset
from backend.contract.artifacts import Home
from backend.contract.datasets import DatasetManifest, Item
from backend.contract.errors import DatasetInvalidError

ABOUT = {"slug": "made-up", "title": "Made up", "kind": "vision-dominant", "licence": "MIT"}
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


def picture(colour: str = "red", size: tuple[int, int] = (40, 30)) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, colour).save(content, "PNG")
    return content.getvalue()


def manifest(*files: str, columns: dict[str, str] | None = None) -> DatasetManifest:
    return DatasetManifest.model_validate(
        {**ABOUT, "format": "parquet", "splits": {"train": list(files) or "train.parquet"}}
        | {"columns": columns or {}}
    )


def write(folder: Path, columns: dict[str, Any], name: str = "train.parquet", **more: Any) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / name, **more)


def imported(folder: Path, home: Home, columns: dict[str, Any]) -> list[Item]:
    write(folder, columns)
    return import_dataset(folder, manifest(), home).items["train"]


def refusal(folder: Path, home: Home, *files: str, columns: dict[str, str] | None = None) -> str:
    with pytest.raises(DatasetInvalidError) as error:
        import_dataset(folder, manifest(*files, columns=columns), home)
    assert not list(home.dataset("made-up").parent.iterdir())
    return error.value.message


def test_a_hugging_face_image_data_set_is_taken_as_it_is(folder: Path, home: Home) -> None:
    red, blue = picture("red"), picture("blue")
    items = imported(
        folder,
        home,
        {
            "images": pa.array(
                [[{"bytes": red, "path": "a.png"}], [{"bytes": blue, "path": None}], []],
                pa.list_(STRUCT),
            ),
            "problem": ["<image>How many?", "How wide?", "How?"],
            "answer": ["1", "2", "3"],
        },
    )
    assert [(item.id, item.row, item.question) for item in items] == [
        ("1", 1, "How many?"),
        ("2", 2, "How wide?"),
        ("3", 3, "How?"),
    ]
    stored = home.dataset("made-up") / "images"
    assert (stored / str(items[0].image)).read_bytes() == red
    assert (stored / str(items[1].image)).read_bytes() == blue
    assert items[2].image is None
    assert len(list(stored.iterdir())) == 2


def test_columns_of_other_names_and_kinds_are_mapped(folder: Path, home: Home) -> None:
    write(
        folder,
        {
            "pic": pa.array([picture(), None], pa.binary()),
            "q": ["How many?", "And now?"],
            "gold": [6, -2],
            "level": [1.5, 2.0],
            "weight": pa.array([Decimal("1.50"), None]),
            "uid": [17, 18],
            "unused": [[1], [2]],
        },
    )
    mapped = {"image": "pic", "question": "q", "answer": "gold", "id": "uid"}
    mapped |= {"difficulty": "level", "category": "weight"}
    items = import_dataset(folder, manifest(columns=mapped), home).items["train"]
    assert [(item.id, item.answer, item.difficulty, item.category) for item in items] == [
        ("17", "6", "1.5", "1.50"),
        ("18", "-2", "2.0", None),
    ]
    assert [item.image is None for item in items] == [False, True]


def test_a_path_in_place_of_bytes_is_read_below_the_folder_only(folder: Path, home: Home) -> None:
    (folder / "a.png").write_bytes(picture())
    (folder.parent / "secret.png").write_bytes(picture())
    rows = [{"bytes": None, "path": "a.png"}, {"bytes": None, "path": "../secret.png"}]
    write(folder, {"question": ["q", "q"], "answer": ["1", "2"], "image": pa.array(rows, STRUCT)})
    message = refusal(folder, home)
    assert message.splitlines()[1:] == [
        "train.parquet row 2: picture '../secret.png' leaves the folder: only paths below the "
        "folder are read"
    ]


def test_several_files_follow_one_another(folder: Path, home: Home) -> None:
    names = [f"data/train-0000{part}-of-00002.parquet" for part in (0, 1)]
    for part, name in enumerate(names):
        columns = {"question": ["a", "b"], "answer": [f"{part}0", f"{part}1"]}
        write(folder, columns, name, row_group_size=1)
    items = import_dataset(folder, manifest(*names), home).items["train"]
    assert [(item.id, item.row, item.answer) for item in items] == [
        ("1", 1, "00"),
        ("2", 2, "01"),
        ("3", 3, "10"),
        ("4", 4, "11"),
    ]


def test_every_bad_row_is_listed_by_file_and_row(folder: Path, home: Home) -> None:
    bomb = picture(size=(9000, 8))
    rows = [
        (None, "q", "", "a"),
        ({"bytes": picture()[:-20], "path": None}, "q", "1", "b"),
        ({"bytes": bomb, "path": None}, "q", "1", "c"),
        ({"bytes": b"", "path": None}, "q", "1", "d"),
        (None, None, "1", "e"),
        (None, "fine", "1", "f"),
        (None, "q\0", "1", "g"),
        (None, "q", "1", "f"),
    ]
    images, questions, answers, ids = zip(*rows, strict=True)
    columns = {"image": pa.array(images, STRUCT), "question": questions, "answer": answers}
    write(folder, {**columns, "id": ids}, "a.parquet")
    write(folder, {"question": ["q"], "answer": ["1"], "id": ["f"]}, "b.parquet")
    heading, *lines = refusal(folder, home, "a.parquet", "b.parquet").splitlines()
    assert heading.startswith("8 rows are refused")
    places = [line.split(": ")[0] for line in lines]
    assert places == [f"a.parquet row {row}" for row in (1, 2, 3, 4, 5, 7, 8)] + ["b.parquet row 1"]
    for line, reason in zip(
        lines,
        (
            "no answer",
            "broken or cut off",
            "9000 x 8",
            "picture is empty",
            "got null",
            "NUL",
            "stands already in row 6",
            "stands already in row 6 of a.parquet",
        ),
        strict=True,
    ):
        assert reason in line


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"question": ["q"], "answer": [True]}, "column of answer must be text, got bool"),
        ({"question": [["q"]], "answer": ["1"]}, "column of question must be text, got list"),
        ({"question": ["q"], "answer": ["1"], "image": [3]}, "must be bytes or a path, got int"),
        (
            {"question": ["q"], "answer": ["1"], "image": [{"url": "http://x"}]},
            "picture must have bytes or path, got url",
        ),
        (
            {"question": ["q"], "answer": ["1"], "images": [[b"a", b"b"]]},
            "2 pictures: one is allowed",
        ),
        ({"question": ["x" * (2**20 + 1)], "answer": ["1"]}, "characters, allowed"),
    ],
)
def test_values_of_a_wrong_kind_refuse_their_row(
    folder: Path, home: Home, columns: dict[str, Any], reason: str
) -> None:
    write(folder, columns)
    assert reason in refusal(folder, home).splitlines()[1]


def test_missing_columns_are_named_with_what_is_there(folder: Path, home: Home) -> None:
    write(folder, {"text": ["q"], "answer": ["1"]})
    assert "no column 'question' or 'problem' for question (there are: text, answer)" in refusal(
        folder, home
    )
    write(folder, {"question": ["q"], "gold": ["1"]})
    assert "neither a column 'answer' nor 'solution'" in refusal(folder, home)
    assert "no column 'nope' for answer" in refusal(folder, home, columns={"answer": "nope"})


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_a_file_that_is_none_or_cut_off_is_refused(folder: Path, home: Home, cut: int) -> None:
    write(folder, {"question": ["q"] * 50, "answer": ["1"] * 50})
    path = folder / "train.parquet"
    path.write_bytes(path.read_bytes()[:cut])
    assert "train.parquet is no readable parquet file" in refusal(folder, home)


def test_a_damaged_page_is_refused(folder: Path, home: Home) -> None:
    write(folder, {"question": ["question"] * 50, "answer": [f"{i}" for i in range(50)]})
    path = folder / "train.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    path.write_bytes(content)
    assert "train.parquet is no readable parquet file" in refusal(folder, home)


def test_an_empty_file_holds_no_rows(folder: Path, home: Home) -> None:
    write(folder, {"question": pa.array([], pa.string()), "answer": pa.array([], pa.string())})
    assert "train.parquet holds no rows" in refusal(folder, home)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"splits": {"train": "train.jsonl"}}, "format is parquet, but a split names train.jsonl"),
        ({"format": "jsonl"}, "format is jsonl, but a split names train.parquet"),
        (
            {"format": "jsonl", "splits": {"train": "a.jsonl"}, "columns": {"id": "uid"}},
            "only those of parquet files",
        ),
        ({"splits": {"train": "../train.parquet"}}, "pattern"),
        ({"splits": {"train": "/train.parquet"}}, "pattern"),
        ({"splits": {"train": []}}, "at least 1"),
        ({"columns": {"price": "x"}}, "columns"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    changes: dict[str, Any], reason: str
) -> None:
    about = {**ABOUT, "format": "parquet", "splits": {"train": "train.parquet"}}
    with pytest.raises(ValidationError, match=reason):
        DatasetManifest.model_validate({**about, **changes})


def test_real_problems_come_out_of_parquet_as_out_of_jsonl(
    folder: Path, home: Home, test_data: Path
) -> None:
    source = test_data / "geoqa"
    rows = [json.loads(line) for line in (source / "test.jsonl").read_text().splitlines()][:60]
    for row in rows:
        for name in list(row):
            if name not in ("id", "question", "image", "answer"):
                del row[name]
    jsonl = DatasetManifest.model_validate({**ABOUT, "splits": {"train": "train.jsonl"}})
    images = [{"bytes": (source / row["image"]).read_bytes(), "path": row["image"]} for row in rows]
    write(
        folder,
        {
            "id": [row["id"] for row in rows],
            "question": [row["question"] for row in rows],
            "answer": [row["answer"] for row in rows],
            "image": pa.array(images, STRUCT),
        },
        row_group_size=7,
    )
    in_parquet = import_dataset(folder, manifest(), home).items["train"]
    other = Home(home.root.with_name("other"))
    (source_copy := folder.parent / "jsonl").mkdir()
    (source_copy / "images").mkdir()
    for row in rows:
        (source_copy / row["image"]).write_bytes((source / row["image"]).read_bytes())
    (source_copy / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert in_parquet == import_dataset(source_copy, jsonl, other).items["train"]


def test_a_large_file_is_read_in_pieces(folder: Path, home: Home) -> None:
    """400 pictures of 1 MB in groups of 20: the peak grows by far less than their 400 MB."""
    noise = [Image.effect_noise((1000, 1000), 50 + i % 2) for i in range(2)]
    contents: list[bytes] = []
    for image in noise:
        content = io.BytesIO()
        image.save(content, "PNG", compress_level=0)
        contents.append(content.getvalue())
    schema = pa.schema([("question", pa.string()), ("answer", pa.string()), ("image", STRUCT)])
    with pq.ParquetWriter(folder / "train.parquet", schema, use_dictionary=False) as writer:
        batch = [{"bytes": contents[i % 2], "path": None} for i in range(400)]
        columns = [["q"] * 400, ["1"] * 400, pa.array(batch, STRUCT)]
        writer.write_table(pa.table(columns, schema=schema), row_group_size=20)
    assert (folder / "train.parquet").stat().st_size > 300e6
    code = (
        "import sys; from pathlib import Path\n"
        "from backend.contract.datasets import DatasetManifest\n"
        "from backend.contract.artifacts import Home\n"
        "import pyarrow.parquet\n"
        "from backend.api.services.dataset_import import import_dataset\n"
        "def peak_kib():\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    return int(next(line.split()[1] for line in lines if line.startswith('VmHWM')))\n"
        "before = peak_kib()\n"
        "manifest = DatasetManifest.model_validate_json(sys.argv[1])\n"
        "import_dataset(Path(sys.argv[2]), manifest, Home(Path(sys.argv[3])))\n"
        "print(peak_kib() - before)\n"
    )
    grown_kib = run_python(code, manifest().model_dump_json(), str(folder), str(home.root))
    assert int(grown_kib) < 200_000


def run_python(code: str, *arguments: str) -> str:
    argv = [sys.executable, "-c", code, *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout
