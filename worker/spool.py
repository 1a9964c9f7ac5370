"""The spool file: how records are framed, and how every intact one is read back.

A line is `{length:08x} {crc32:08x} {json}` and a newline; length and CRC are those of the JSON's
bytes. A JSON string never holds an unescaped quote, so no text of a response can look like the
start of a line, and a reader finds the next intact record behind any damage.
"""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from backend.contract.messages import SpoolRecord

MAX_RECORD_BYTES = 393_216
"""Longest JSON of one record, so that it always fits into a request."""
WINDOW_BYTES = 4 * MAX_RECORD_BYTES
"""How much of a spool is looked at in one go."""

_HEADER = re.compile(rb'([0-9a-f]{8}) ([0-9a-f]{8}) (?=\{")')
_ADAPTER: TypeAdapter[SpoolRecord] = TypeAdapter(SpoolRecord)


@dataclass(frozen=True, slots=True)
class Line:
    """One intact line."""

    record: SpoolRecord
    """What it says."""
    size_bytes: int
    """Size of its JSON."""
    end: int
    """Offset behind it in the file."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What was read from an offset on."""

    lines: list[Line]
    """Intact lines in order."""
    end: int
    """Offset behind the last byte that was looked at; where to go on."""
    num_damaged_bytes: int
    """Bytes skipped because they belong to no intact line."""


def encode_record(record: SpoolRecord) -> bytes:
    """A record as a line.

    Raises:
        ValueError: its JSON is longer than MAX_RECORD_BYTES.
    """
    payload = record.model_dump_json().encode()
    if len(payload) > MAX_RECORD_BYTES:
        raise ValueError(
            f"a {record.type} record of rl_step {record.rl_step} has {len(payload)} bytes, "
            f"allowed are {MAX_RECORD_BYTES}"
        )
    return b"%08x %08x %s\n" % (len(payload), zlib.crc32(payload), payload)


def read_slice(path: Path, offset: int, *, is_live: bool) -> Slice:
    """Records of a spool file from an offset on; an absent file is empty.

    Args:
        path: the spool file.
        offset: where to begin, 0 or the end of an earlier slice.
        is_live: the trainer may still write: a line without its newline is not complete yet.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(WINDOW_BYTES)
    except FileNotFoundError:
        return Slice(lines=[], end=offset, num_damaged_bytes=0)
    if is_live or len(data) == WINDOW_BYTES:
        end_of_lines = data.rfind(b"\n") + 1
        if end_of_lines or len(data) < WINDOW_BYTES:
            data = data[:end_of_lines]
    return _parse(data, offset)


def _parse(data: bytes, offset: int) -> Slice:
    """All intact lines of a piece of a file that begins at an offset."""
    lines: list[Line] = []
    position = num_good_bytes = 0
    while match := _HEADER.search(data, position):
        stop = match.end() + int(match[1], 16)
        payload = data[match.end() : stop]
        if stop > len(data) or zlib.crc32(payload) != int(match[2], 16):
            position = match.start() + 1
            continue
        lines.append(
            Line(
                record=_ADAPTER.validate_json(payload),
                size_bytes=len(payload),
                end=offset + min(stop + 1, len(data)),
            )
        )
        num_good_bytes += min(stop + 1, len(data)) - match.start()
        position = stop
    return Slice(
        lines=lines,
        end=offset + len(data),
        num_damaged_bytes=len(data) - num_good_bytes,
    )
