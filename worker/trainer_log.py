"""The trainer's output as text for people: pieces with byte offsets, without control characters."""

import re
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 32_768
"""Longest piece of a log, in bytes of the file."""

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|[PX^_][^\x1b]*(?:\x1b\\)?"
    r"|[ -/]*[0-~])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a log file."""

    offset: int
    """Where it begins, in bytes of the file."""
    end: int
    """Offset behind it."""
    text: str
    """What to show; empty when nothing is left of it."""


def read_piece(path: Path, offset: int, *, is_live: bool) -> Piece | None:
    """The piece of a log file at an offset, in whole lines where possible; None when none is there.

    Args:
        path: the log file; absent means empty.
        offset: where to begin.
        is_live: the trainer may still write: a line without its end is not complete yet.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(PIECE_BYTES)
    except FileNotFoundError:
        return None
    if is_live or len(data) == PIECE_BYTES:
        end_of_lines = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if end_of_lines:
            data = data[:end_of_lines]
        elif len(data) == PIECE_BYTES:
            data = _without_split_character(data)
        else:
            data = b""
    if not data:
        return None
    return Piece(
        offset=offset,
        end=offset + len(data),
        text=clean_text(data.decode("utf-8", errors="replace")),
    )


def read_last_lines(path: Path, *, max_chars: int) -> str:
    """The end of a log file, from a line's beginning on."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 4 * max_chars))
            text = clean_text(file.read().decode("utf-8", errors="replace")).strip()
    except FileNotFoundError:
        return ""
    if len(text) <= max_chars:
        return text
    return text[-max_chars:].partition("\n")[2] or text[-max_chars:]


def clean_text(text: str) -> str:
    r"""Text without terminal control; of a line that overwrites itself, the last state.

    >>> clean_text("\x1b[31mred\x1b[0m\n 10%\r100%\n")
    'red\n100%\n'
    """
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").split("\n")
    kept = [line.rstrip("\r").rpartition("\r")[2] for line in lines]
    return _CONTROLS.sub("", "\n".join(kept))


def _without_split_character(data: bytes) -> bytes:
    """The bytes up to the last complete UTF-8 character."""
    for back in range(1, 4):
        if data[-back] & 0xC0 == 0xC0:
            return data[:-back]
        if data[-back] < 0x80:
            break
    return data
