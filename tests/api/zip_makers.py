"""Zips as people make them, and as attackers do."""

import io
import json
import struct
import warnings
import zipfile
from typing import Any

import yaml
from PIL import Image

ABOUT: dict[str, Any] = {
    "slug": "uploaded",
    "title": "Uploaded",
    "kind": "vision-dominant",
    "licence": "MIT",
    "splits": {"train": "train.jsonl"},
}
ROWS = [
    {"id": "a", "question": "How many?", "image": "images/red one.png", "answer": "3"},
    {"id": "b", "question": "And 1 + 1?", "image": None, "answer": "2"},
]


def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(content, "PNG")
    return content.getvalue()


def files(**changes: bytes | None) -> dict[str, bytes]:
    """The files of a good data set, with some in place of them or beside them."""
    good = {
        "dataset.yaml": yaml.safe_dump(ABOUT).encode(),
        "train.jsonl": "".join(json.dumps(row) + "\n" for row in ROWS).encode(),
        "images/red one.png": picture(),
    }
    return {name: content for name, content in {**good, **changes}.items() if content is not None}


def make_zip(
    contents: dict[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED, comment: bytes = b""
) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.comment = comment
    return target.getvalue()


def with_entry(info: zipfile.ZipInfo, content: bytes = b"x") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files().items():
            archive.writestr(name, data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a name that is there twice: so it is meant
            archive.writestr(info, content)
    return target.getvalue()


def link(name: str, to: str) -> bytes:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (0o120777) << 16
    return with_entry(info, to.encode())


def overlapping(num_entries: int) -> bytes:
    """Many names for the same bytes: the bomb without recursion."""
    content = make_zip({"a": b"\0" * 2**20})
    end = content.rfind(b"PK\x05\x06")
    begin = content.index(b"PK\x01\x02")
    entry = content[begin:end]
    entries = b"".join(
        entry[: len(entry) - 1] + bytes([97 + i % 26]) for i in range(min(num_entries, 26))
    )
    count = min(num_entries, 26)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entries), begin, 0)
    return content[:begin] + entries + tail


def claiming(content: bytes, num_entries: int, list_bytes: int) -> bytes:
    """The same zip, whose end says that its list is larger."""
    end = content.rfind(b"PK\x05\x06")
    fields = list(struct.unpack_from("<4s4H2LH", content, end))
    fields[3] = fields[4] = num_entries
    fields[5] = list_bytes
    return content[:end] + struct.pack("<4s4H2LH", *fields)
