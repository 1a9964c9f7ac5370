"""Archives that are damaged or hostile: each refused with its reason, and nothing of it kept."""

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from api_caller import Api
from archive_makers import (
    changed,
    download,
    finish_run,
    put_real_picture,
    read_entries,
    upload,
    with_manifest,
    write_entries,
)

from backend.api.services import archive_format as layout
from backend.database import tables
from backend.database.tables import Base

TRACE = "traces/step-00000003.f2.safetensors"


@pytest.fixture
def archive(api: Api) -> bytes:
    put_real_picture(api)
    return download(api, finish_run(api))


def state_of(api: Api) -> dict[str, Any]:
    """Rows of every table, and the files of runs and data sets."""
    home = api.platform.settings.paths.root
    with api.platform.database.read_scope() as session:
        counts = {
            name: session.scalar(sa.select(sa.func.count()).select_from(table))
            for name, table in Base.metadata.tables.items()
        }
        counters = list(session.execute(sa.select(tables.Counter.name, tables.Counter.value)))
    folders = [home / "runs", home / "datasets", home / "tmp"]
    files = sorted(str(path) for folder in folders for path in folder.rglob("*"))
    return {"rows": counts, "counters": sorted(map(tuple, counters)), "files": files}


def refuse(api: Api, content: bytes, reason: str, code: str = "archive_invalid") -> None:
    before = state_of(api)
    response = upload(api, content)
    assert (response.status_code, response.json()["code"]) == (422, code), response.text
    assert reason in response.json()["detail"]
    assert state_of(api) == before


def edit_line(key: str, value: Any) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        first, newline, rest = content.partition(b"\n")
        return json.dumps(json.loads(first) | {key: value}).encode() + newline + rest

    return change


def test_files_that_are_no_archives(api: Api, archive: bytes) -> None:
    refuse(api, b"", "the file is no zip")
    refuse(api, b"hello" * 100, "the file is no zip")
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    refuse(api, empty.getvalue(), "is missing")
    refuse(api, write_entries({"run.json": b"{}"}), "is missing")
    refuse(api, archive[: len(archive) // 2], "the file is no zip")
    refuse(api, archive[:-30], "the file is no zip")
    refuse(api, archive[1000:], "damaged")
    assert upload(api, archive).status_code == 201


def test_flipped_bits(api: Api, archive: bytes) -> None:
    """Any bit may flip: the archive is refused, or is the same one (a zip has unused bits)."""
    rng = random.Random(7)
    expected = read_entries(archive)
    before, num_refused = state_of(api), 0
    for _ in range(60):
        content = bytearray(archive)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        response = upload(api, bytes(content))
        if response.status_code != 201:
            assert response.json()["code"] in ("archive_invalid", "archive_too_new")
            assert state_of(api) == before
            num_refused += 1
            continue
        assert read_entries(bytes(content)) == expected
        break
    assert num_refused > 0


def test_changed_content(api: Api, archive: bytes) -> None:
    for name in ("samples.jsonl", "problems.jsonl", "run.json", TRACE):
        reason = f"{name} is not what the manifest says"
        refuse(api, changed(archive, name, lambda c: c + b" ", is_signed=False), reason)
        flipped = changed(archive, name, lambda c: c[:-1] + bytes([c[-1] ^ 1]), is_signed=False)
        refuse(api, flipped, reason)


def test_a_picture_under_another_hash(api: Api, archive: bytes) -> None:
    entries = read_entries(archive)
    (name,) = [name for name in entries if name.startswith("images/")]
    other = with_manifest({**entries, name: entries[name] + b"x"})
    refuse(api, write_entries(other), "is not the hash of its content")
    entries["images/" + 64 * "0"] = entries.pop(name)
    refuse(api, write_entries(with_manifest(entries)), "is not the hash of its content")


UNKNOWN_NAMES = (
    *("../../evil", "/etc/passwd", "images/../../evil", "images/" + 63 * "a" + "/x"),
    *("traces/../run.json", "traces/step-1.f1.safetensors", "run.json/", "code.py"),
    *("images\\..\\evil", "images/" + 64 * "A", "images/" + 64 * "a" + "\n"),
)


def test_names_that_no_archive_has(api: Api, archive: bytes) -> None:
    entries = read_entries(archive)
    for name in UNKNOWN_NAMES:
        content = write_entries(with_manifest({**entries, name: b"content"}))
        refuse(api, content, "none that an archive of a run holds")
    # The zip module cuts a name at NUL.
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = write_entries(with_manifest({**entries, "run.json\x00.py": b"content"}))
    refuse(api, content, "twice")


def test_entries_that_the_manifest_does_not_list(api: Api, archive: bytes) -> None:
    entries = read_entries(archive)
    extra = {**entries, "images/" + 64 * "a": b"x"}
    refuse(api, write_entries(extra), "do not list the same entries")
    entries.pop(TRACE)
    refuse(api, write_entries(entries), "do not list the same entries")


def test_an_entry_that_is_there_twice(api: Api, archive: bytes) -> None:
    target = io.BytesIO(archive)
    with zipfile.ZipFile(target, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("run.json", b"{}")
    refuse(api, target.getvalue(), "is there twice")


def test_bombs(api: Api, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "FREE_EXPANSION_BYTES", 2**20)
    entries = {**read_entries(archive), "log.jsonl": b" " * 2**24}
    refuse(api, write_entries(with_manifest(entries)), "the entries have")
    monkeypatch.undo()
    long = {**entries, "log.jsonl": b"[" * (layout.MAX_LINE_BYTES + 1)}
    refuse(api, write_entries(with_manifest(long)), "log.jsonl, line 1: longer than")
    (image,) = [name for name in entries if name.startswith("images/")]
    deflated = with_manifest(read_entries(archive))
    content = write_entries(deflated, compression={image: zipfile.ZIP_DEFLATED})
    refuse(api, content, "is compressed")
    content = write_entries(deflated, compression={"run.json": zipfile.ZIP_LZMA})
    refuse(api, content, "compressed in a way that none is")


def test_a_directory_that_would_fill_the_memory(
    api: Api, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "MAX_ENTRIES", 12)
    refuse(api, archive, "at most 12 in")


def test_a_log_that_repeats_itself_is_no_bomb(api: Api, archive: bytes) -> None:
    line = json.dumps({"fence": 1, "offset": 0, "text": "again\n" * 5000})
    lines = [line.replace('"offset": 0', f'"offset": {n}') for n in range(1000)]
    entries = {**read_entries(archive), "log.jsonl": "\n".join(lines).encode()}
    content = write_entries(with_manifest(entries))
    assert len(entries["log.jsonl"]) > layout.MAX_EXPANSION * len(content)
    assert upload(api, content).status_code == 201


def test_a_newer_format(api: Api, archive: bytes) -> None:
    entries = with_manifest(read_entries(archive), format=2, colour="green")
    reason = "format 2, this version of Maye reads format 1"
    refuse(api, write_entries(entries), reason, "archive_too_new")
    entries = with_manifest(read_entries(archive), format=0)
    refuse(api, write_entries(entries), "there is no format 0")


NO_RECORDS: tuple[tuple[str, Callable[[bytes], bytes], str], ...] = (
    ("run.json", edit_line("status", "running"), "the run is running"),
    ("run.json", edit_line("status", "sleeping"), "run.json, line 1: status"),
    ("run.json", edit_line("owner", "me"), "run.json, line 1: owner"),
    ("run.json", edit_line("config", {"model": "x"}), "run.json, line 1: config.rl.dataset"),
    ("run.json", edit_line("created_at", "2026-01-01T00:00:00"), "created_at"),
    ("run.json", lambda c: c + c, "an archive holds one run"),
    ("metrics.jsonl", edit_line("metrics", {"made/up": 1.0}), "made/up"),
    ("metrics.jsonl", edit_line("logged_at", "2026-01-01T00:00:00"), "cannot be stored"),
    ("metrics.jsonl", edit_line("rl_step", 2**53), "metrics.jsonl, line 1: rl_step"),
    (
        "samples.jsonl",
        edit_line("num_response_tokens", 2**63),
        "num_response_tokens is not between",
    ),
    ("samples.jsonl", lambda _: b"{'a': 1}\n", "samples.jsonl, line 1"),
    ("samples.jsonl", lambda _: b"\xff\xfe\n", "samples.jsonl, line 1"),
    ("events.jsonl", lambda c: c.partition(b"\n")[0] + b"\n" + c, "cannot be stored together"),
    ("problems.jsonl", edit_line("split", "../x"), "problems.jsonl, line 1: split"),
    ("manifest.json", lambda _: b"[]", "the manifest is no JSON object"),
    ("manifest.json", lambda _: b"[" * 10**5, "the manifest is no JSON object"),
)


def test_records_that_are_none(api: Api, archive: bytes) -> None:
    for name, change, reason in NO_RECORDS:
        is_signed = name != "manifest.json"
        refuse(api, changed(archive, name, change, is_signed=is_signed), reason)


def test_text_that_databases_refuse_is_cleaned(api: Api, archive: bytes) -> None:
    log = {"fence": 1, "offset": 0, "text": "a\0b"}
    entries = {**read_entries(archive), "log.jsonl": json.dumps(log).encode()}
    opened = upload(api, write_entries(with_manifest(entries, platform="x\0y")))
    assert opened.status_code == 201, opened.text
    assert opened.json()["origin"]["platform"] == "x\ufffdy"
    assert api.get(f"runs/{opened.json()['id']}/log")["text"] == "a\ufffdb"


def test_a_body_above_the_limit(api: Api, archive: bytes) -> None:
    limit = api.platform.settings.max_upload_bytes
    headers = {**api.person, "Content-Length": str(limit + 1)}
    response = api.client.post("/api/v1/archives", content=b"", headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    # Other routes keep the smaller limit.
    response = api.client.post("/api/v1/runs", content=b"x" * 2**21, headers=api.person)
    assert response.status_code == 413
