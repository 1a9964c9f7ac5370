"""Data sets that are uploaded: what is taken, and that nothing else leaves a trace."""

import io
import json
import os
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from api_caller import Api, fill_library
from fastapi.testclient import TestClient
from zip_makers import (
    ABOUT,
    claiming,
    files,
    link,
    make_zip,
    overlapping,
    picture,
    with_entry,
)

from backend.api.app import create_app
from backend.contract.settings import Settings

ZIP, PARQUET = "application/zip", "application/vnd.apache.parquet"


def upload(api: Api, content: bytes | Iterator[bytes], media_type: str = ZIP, **params: Any) -> Any:
    headers = {**api.person, "Content-Type": media_type}
    return api.client.post(
        "/api/v1/datasets/upload", content=content, headers=headers, params=params
    )


def left_over(api: Api) -> list[str]:
    """Files below MAYE_HOME that belong to no data set of the library."""
    home = api.platform.settings.paths
    unfinished = [path for path in home.dataset("x").parent.iterdir() if path.name != "shapes"]
    temporary = list(home.temporary.iterdir()) if home.temporary.exists() else []
    return [str(path) for path in [*unfinished, *temporary]]


def refusal(api: Api, content: bytes, media_type: str = ZIP, **params: Any) -> str:
    response = upload(api, content, media_type, **params)
    assert response.status_code == 422, response.text
    assert left_over(api) == []
    assert [dataset["slug"] for dataset in api.get("datasets")] == ["shapes"]
    return response.json()["detail"]


@pytest.mark.parametrize("folder", ["", "my data/"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_a_folder_is_imported(api: Api, folder: str, compression: int) -> None:
    contents = {f"{folder}{name}": content for name, content in files().items()}
    contents |= {"__MACOSX/._x": b"", f"{folder}.DS_Store": b"", f"{folder}README.md": b"# Mine"}
    response = upload(api, make_zip(contents, compression=compression, comment=b"mine"))
    assert response.status_code == 201, response.text
    dataset = response.json()
    assert (dataset["slug"], dataset["source"], dataset["num_images"]) == ("uploaded", "upload", 1)
    first, second = api.get("datasets/uploaded/items")["items"]
    assert (first["item_id"], second["image_sha256"]) == ("a", None)
    headers = api.person
    image = api.client.get(
        f"/api/v1/datasets/uploaded/images/{first['image_sha256']}", headers=headers
    )
    assert image.content == picture()
    assert not list(api.platform.settings.paths.temporary.iterdir())
    again = upload(api, make_zip(contents))
    assert again.status_code == 409
    assert not list(api.platform.settings.paths.temporary.iterdir())


def test_a_body_without_a_length_is_taken_as_it_comes(api: Api) -> None:
    content = make_zip(files())
    response = upload(api, iter([content[:100], content[100:]]))
    assert response.status_code == 201, response.text


def test_a_parquet_file_comes_with_its_manifest(api: Api) -> None:
    body = io.BytesIO()
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": picture(), "path": None}], struct)
    pq.write_table(pa.table({"problem": ["q"], "answer": ["1"], "image": images}), body)
    manifest = {**ABOUT, "format": "parquet", "splits": {"train": "train.parquet"}}
    response = upload(api, body.getvalue(), PARQUET, manifest=json.dumps(manifest))
    assert response.status_code == 201, response.text
    assert response.json()["num_images"] == 1


def test_a_manifest_in_the_address_stands_for_the_file_in_the_zip(api: Api) -> None:
    content = make_zip(files(**{"dataset.yaml": None}))
    assert "dataset.yaml is missing" in refusal(api, content)
    response = upload(api, content, manifest=json.dumps({**ABOUT, "slug": "other"}))
    assert response.json()["slug"] == "other"


def test_every_bad_row_is_listed(api: Api) -> None:
    lines = b'{"id": "a", "question": "q", "image": null, "answer": ""}\n{\n'
    message = refusal(api, make_zip(files(**{"train.jsonl": lines})))
    assert message.startswith("2 rows are refused")
    assert "train.jsonl row 2: invalid JSON" in message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no zip, or was cut off"),
        (b"PK\x03\x04" + b"x" * 100, "no zip, or was cut off"),
        (make_zip(files())[:-30], "no zip, or was cut off"),
        (make_zip(files())[200:], "damaged"),
        (make_zip({"../evil.jsonl": b"x"}), "names are made of"),
        (make_zip({"/etc/evil": b"x"}), "names are made of"),
        (make_zip({"a/../../evil": b"x"}), "names are made of"),
        (make_zip({"a\\..\\evil": b"x"}), "names are made of"),
        (make_zip({".hidden": b"x"}), "names are made of"),
        (make_zip({"a//b": b"x"}), "names are made of"),
        (make_zip({"é.png": b"x"}), "names are made of"),
        (make_zip({"/".join("abcdefghi"): b"x"}), "at most 7 folders"),
        (make_zip({"n" * 129: b"x"}), "names are made of"),
        (link("images/link.png", "/etc/passwd"), "link or device"),
        (link("images", "/tmp"), "link or device"),
        (with_entry(zipfile.ZipInfo("train.jsonl")), "is there twice"),
        (with_entry(zipfile.ZipInfo("train.jsonl/below")), "file and a folder of the same name"),
        (make_zip({"a": b"x"}, compression=zipfile.ZIP_BZIP2), "something but deflate"),
        (make_zip({"zeros": b"\0" * 30_000_000}), "bytes unpacked"),
        (overlapping(20), "bytes unpacked|damaged"),
        (claiming(make_zip(files()), 3, 2**31), "lists 3 entries in 2147483648 bytes"),
        (claiming(make_zip(files()), 3000, 5), "lists 3000 entries"),
    ],
)
def test_a_zip_that_is_none_or_wants_more_is_refused(
    settings: Settings, content: bytes, reason: str
) -> None:
    limits = {"max_unpacked_files": 1000, "max_unpacked_bytes": 20 * 2**20}
    with running(settings, **limits) as api:
        began = time.monotonic()
        message = refusal(api, content)
        assert any(part in message for part in reason.split("|")), message
        assert time.monotonic() - began < 10


class running:  # noqa: N801 - reads as a function
    """The API with other settings; nothing outside of its folder may change."""

    def __init__(self, settings: Settings, **changes: Any) -> None:
        self.settings = settings.model_copy(update=changes)

    def __enter__(self) -> Api:
        app = create_app(self.settings)
        self.client = TestClient(app)
        self.client.__enter__()
        (self.settings.paths.dataset("shapes")).mkdir(parents=True)
        self.before = self.outside()
        api = Api(self.client, app.state.platform)
        fill_library(api.platform.database, self.settings.paths)
        return api

    def __exit__(self, *raised: Any) -> None:
        self.client.__exit__(*raised)
        assert self.outside() == self.before

    def outside(self) -> set[str]:
        home = self.settings.home
        return {str(path) for path in home.parent.rglob("*") if not path.is_relative_to(home)}


def test_an_encrypted_entry_is_refused(api: Api) -> None:
    content = bytearray(make_zip(files()))
    at = content.rindex(b"PK\x01\x02")
    content[at + 8] |= 1
    assert "encrypted" in refusal(api, bytes(content))


def test_too_many_files_and_too_many_bytes_are_refused(settings: Settings) -> None:
    with running(settings, max_unpacked_files=5, max_unpacked_bytes=4096) as api:
        many = make_zip({f"{number}.txt": b"" for number in range(6)})
        assert "6 files, allowed 5" in refusal(api, many)
        large = make_zip({"a": b"x" * 4097}, compression=zipfile.ZIP_STORED)
        assert "4097 bytes unpacked, allowed are 4096" in refusal(api, large)


def test_an_entry_that_lies_about_its_size_is_refused(api: Api) -> None:
    content = bytearray(make_zip(files(), compression=zipfile.ZIP_STORED))
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = (10).to_bytes(4, "little")
    assert "damaged" in refusal(api, bytes(content))


def test_the_body_is_limited_for_this_route_only(settings: Settings) -> None:
    with running(settings, max_upload_bytes=2000, max_json_body_bytes=1024) as api:
        content = make_zip({"a": bytes(range(256)) * 5}, compression=zipfile.ZIP_STORED)
        assert 1024 < len(content) < 2000
        assert "dataset.yaml is missing" in refusal(api, content)
        for body in (b"x" * 2001, iter([b"x" * 1500, b"x" * 501])):
            response = upload(api, body)
            assert response.status_code == 413, response.text
        assert left_over(api) == []
        other = api.client.post("/api/v1/datasets", content=b"x" * 1500, headers=api.person)
        assert other.status_code == 413


def test_only_people_who_are_signed_in_may_upload(api: Api) -> None:
    body = make_zip(files())
    for headers in ({}, api.worker):
        response = api.client.post("/api/v1/datasets/upload", content=body, headers=headers)
        assert response.status_code == 401
    assert left_over(api) == []


@pytest.mark.parametrize(
    ("media_type", "params", "reason"),
    [
        ("text/plain", {}, "Content-Type is 'text/plain', allowed: application/zip"),
        (ZIP, {"manifest": "{"}, "manifest: "),
        (ZIP, {"manifest": json.dumps({**ABOUT, "slug": "../x"})}, "manifest: slug"),
        (PARQUET, {}, "a parquet file needs a manifest"),
        (PARQUET, {"manifest": json.dumps(ABOUT)}, "one parquet file was sent, but"),
    ],
)
def test_a_request_that_says_the_wrong_thing_is_refused(
    api: Api, media_type: str, params: dict[str, str], reason: str
) -> None:
    assert reason in refusal(api, make_zip(files()), media_type, **params)


def test_folders_of_killed_processes_are_cleared(api: Api) -> None:
    temporary = api.platform.settings.paths.temporary
    old, new, other = (temporary / name for name in ("import-old", "import-new", "else"))
    for folder in (old, new, other):
        folder.mkdir(parents=True)
    for folder in (old, other):
        os.utime(folder, (0, 0))
    assert upload(api, make_zip(files())).status_code == 201
    assert {path.name for path in temporary.iterdir()} == {"import-new", "else"}
