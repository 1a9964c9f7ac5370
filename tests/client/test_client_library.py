"""Adding data sets and models by the client and by the command line, from wherever they are."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from maye import Client, ServerError
from maye.client.uploads import find_place, prepare
from maye.commands.app import build_app
from maye.errors import CommandError
from tests.api.fake_hub import COMMIT, FakeHub, fake_hub
from tests.api.test_model_import import CONFIG, TENSORS, safetensors
from tests.api.zip_makers import ABOUT, files, make_zip, picture
from tests.client.served import Served

PARQUET = {**ABOUT, "format": "parquet", "splits": {"train": "train.parquet"}}


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with fake_hub() as hub:
        yield hub


@pytest.fixture
def served(tmp_path: Path, hub: FakeHub) -> Iterator[Served]:
    served = Served(tmp_path / "home", overrides={"hub_url": hub.address})
    served.start()
    yield served
    served.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my data"
    for name, content in files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("hidden")
    return folder


def write_parquet(path: Path) -> Path:
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": picture(), "path": None}], struct)
    pq.write_table(pa.table({"problem": ["q"], "answer": ["1"], "image": images}), path)
    return path


def write_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, content in model_files().items():
        (folder / name).write_bytes(content)


def model_files() -> dict[str, bytes]:
    return {
        "config.json": json.dumps(CONFIG).encode(),
        "tokenizer.json": b"{}",
        "preprocessor_config.json": b"{}",
        "model.safetensors": safetensors(TENSORS, 66),
    }


def test_a_folder_is_zipped_on_the_way(maye: Client, folder: Path) -> None:
    told: list[tuple[int, int]] = []
    dataset = maye.dataset_add(folder, on_progress=lambda done, whole: told.append((done, whole)))
    assert (dataset["slug"], dataset["source"], dataset["num_images"]) == ("uploaded", "upload", 1)
    size = sum(path.stat().st_size for path in folder.rglob("*.*") if path.is_file())
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    items = list(maye.dataset_items("uploaded"))
    assert items[0]["image_sha256"] is not None
    assert maye.dataset_image("uploaded", items[0]["image_sha256"]) == picture()


def test_the_zip_holds_what_the_folder_holds_but_what_is_hidden(folder: Path) -> None:
    (folder / "large.jsonl").write_bytes(b"line\n" * 1_000_000)
    upload = prepare(folder, None)
    blocks = list(upload.blocks)
    assert max(map(len, blocks)) < 3 * 2**20, "it is sent in pieces"
    with zipfile.ZipFile(io.BytesIO(b"".join(blocks))) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {*files(), "large.jsonl"}
        assert archive.getinfo("large.jsonl").compress_size < 100_000
        image = archive.getinfo("images/red one.png")
        assert image.compress_type == zipfile.ZIP_STORED


def test_links_and_nothing_are_refused_before_anything_is_sent(
    maye: Client, folder: Path, tmp_path: Path
) -> None:
    (folder / "secret.png").symlink_to("/etc/passwd")
    with pytest.raises(CommandError, match=r"secret\.png is a link"):
        maye.dataset_add(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match="empty holds no files"):
        maye.dataset_add(tmp_path / "empty")
    (tmp_path / "a.tar").touch()
    for path in (tmp_path / "a.tar", tmp_path / "absent.zip"):
        with pytest.raises(CommandError, match="is no folder, zip or parquet file"):
            maye.dataset_add(path)
    assert maye.datasets() == []


def test_a_zip_and_a_parquet_file_are_sent_as_they_are(maye: Client, tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(make_zip(files()))
    assert maye.dataset_add(str(tmp_path / "set.zip"))["slug"] == "uploaded"
    path = write_parquet(tmp_path / "other.parquet")
    added = maye.dataset_add(path, manifest={**PARQUET, "slug": "rows"})
    assert (added["slug"], added["num_images"]) == ("rows", 1)
    with pytest.raises(ServerError, match="a parquet file needs a manifest"):
        maye.dataset_add(path)


def test_bad_rows_come_back_with_their_numbers(maye: Client, folder: Path) -> None:
    (folder / "train.jsonl").write_text("{\n")
    with pytest.raises(ServerError, match=r"train\.jsonl row 1: invalid JSON") as refusal:
        maye.dataset_add(folder)
    assert refusal.value.code == "dataset_invalid"


def test_an_upload_that_is_too_large_is_told_as_such(
    served: Served, folder: Path, tmp_path: Path
) -> None:
    (folder / "large.png").write_bytes(bytes(range(256)) * 80_000)
    small = Served(tmp_path / "small", overrides={"max_upload_bytes": 2**20})
    small.start()
    try:
        with small.client() as maye, pytest.raises(ServerError) as refusal:
            maye.dataset_add(folder)
    finally:
        small.stop()
    assert (refusal.value.status, refusal.value.code) == (413, "body_too_large")


def test_the_import_folder_and_the_hub_are_named(
    served: Served, maye: Client, hub: FakeHub, folder: Path
) -> None:
    folder.rename(served.settings.resolved_import_dir / "mine")
    added = maye.dataset_add("mine", manifest={**ABOUT, "slug": "one"})
    assert (added["slug"], added["source"]) == ("one", "folder mine")
    assert maye.dataset_add("import:mine")["slug"] == "uploaded"
    hub.repos["datasets/someone/shapes"] = files()
    with pytest.raises(ServerError, match="conflict"):
        maye.dataset_add("hub:someone/shapes")
    hub.repos["models/someone/tiny"] = model_files()
    model = maye.model_add("hub:someone/tiny@main")
    assert (model["slug"], model["source"]) == ("tiny", f"hub someone/tiny@{COMMIT}")
    write_model(served.settings.resolved_import_dir / "local")
    assert maye.model_add("local", slug="mine", title="Mine")["title"] == "Mine"
    with pytest.raises(CommandError, match="cannot be added: allowed are hub:"):
        maye.model_add("/a/path")


@pytest.mark.parametrize("source", ["no/such/path", "../up", "a\\b"])
def test_a_path_that_is_not_there_is_no_name(source: str) -> None:
    with pytest.raises(CommandError, match="a path that exists, hub:owner/name"):
        find_place(source)


def run(served: Served, *arguments: str | Path) -> Any:
    return CliRunner().invoke(
        build_app(), [str(word) for word in arguments], env=served.environment
    )


def test_the_command_line_adds_and_lists(
    served: Served, hub: FakeHub, folder: Path, tmp_path: Path
) -> None:
    added = run(served, "dataset", "add", folder)
    assert added.exit_code == 0, added.output
    assert added.output.strip() == "imported uploaded: train 2; 1 pictures"
    manifest = tmp_path / "rows.yaml"
    manifest.write_text(yaml.safe_dump({**PARQUET, "slug": "rows"}))
    parquet = write_parquet(tmp_path / "rows.parquet")
    assert run(served, "dataset", "add", parquet, "--manifest", manifest).exit_code == 0
    held = {"data/train-0.parquet": parquet.read_bytes()}
    hub.repos["datasets/someone/shapes"] = held
    patterns = {**PARQUET, "slug": "hubbed", "splits": {"train": "data/train-*.parquet"}}
    manifest.write_text(yaml.safe_dump(patterns))
    added = run(served, "dataset", "add", "hub:someone/shapes", "--manifest", manifest, "--json")
    assert json.loads(added.output)["source"] == f"hub someone/shapes@{COMMIT}"
    listed = json.loads(run(served, "dataset", "list", "--json").output)
    assert [dataset["slug"] for dataset in listed] == ["hubbed", "rows", "uploaded"]
    hub.repos["models/someone/tiny"] = model_files()
    assert run(served, "model", "add", "hub:someone/tiny", "--slug", "t1").exit_code == 0
    assert "t1" in run(served, "model", "list").output
    absent = run(served, "model", "add", "hub:someone/absent")
    assert absent.exit_code == 1
    assert "the hub has no model 'someone/absent'" in absent.output
