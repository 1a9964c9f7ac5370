"""One row of an imported file: checked, and read as an `Item`; lines of JSONL are read here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from backend.api.services.dataset_pictures import PictureStore, RowError
from backend.contract.answers import last_boxed
from backend.contract.datasets import Item

PLACEHOLDER = "<image>"
MAX_ROW_BYTES = 2**20
MAX_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Row:
    """The texts of a row, before its picture is looked at."""

    id: str
    """Id, not empty."""
    question: str
    """Question without placeholder; empty only where there is a picture."""
    answer: str
    """Gold answer, not empty, without box."""
    solution: str | None
    """Worked solution; None where there is none."""
    image: str | None
    """Path of the picture relative to the JSONL file; None for text only."""
    category: str | None
    """Task family or topic."""
    difficulty: str | None
    """How hard it is, in the data set's own words or numbers."""


def read_jsonl(path: Path, num_before: int, pictures: PictureStore) -> Iterator[Item | RowError]:
    """Every line of a JSONL file, as an item or as why it is refused.

    Args:
        path: The file.
        num_before: Rows of the split that stand in earlier files.
        pictures: Where pictures are looked for and stored.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=num_before + 1):
            try:
                yield read_item(line, number, pictures)
            except RowError as e:
                yield e


def read_item(line: bytes, number: int, pictures: PictureStore) -> Item:
    """Read one line of a JSONL file and store its picture.

    Args:
        line: The line's bytes.
        number: The line's number, from 1.
        pictures: Where the picture is looked for and stored.

    Raises:
        RowError: Why the row is refused.
    """
    row = read_row(line)
    image = None if row.image is None else pictures.store(row.image)
    return build_item(row, number, image)


def build_item(row: Row, number: int, image: str | None) -> Item:
    """The item of a checked row.

    Args:
        row: Its texts.
        number: Its number in the split, from 1.
        image: SHA-256 of its stored picture; None for text only.
    """
    return Item(
        id=row.id,
        row=number,
        question=row.question,
        answer=row.answer,
        solution=row.solution,
        image=image,
        category=row.category,
        difficulty=row.difficulty,
    )


def read_row(line: bytes) -> Row:
    """Read the texts of one line; further keys are ignored.

    Numbers are kept as they are written: the answer `6.50` stays "6.50".

    Raises:
        RowError: Why the row is refused.
    """
    content = _parse(line)
    image = _text(content, "image", is_required=True)
    if image is not None and not image.strip():
        raise RowError("key 'image' is empty: write null for a text-only problem")
    return check_row(content, image)


def check_row(content: dict[str, Any], image: str | None) -> Row:
    """Check the texts of a row; keys that it does not need are ignored.

    Args:
        content: Key to text, or to null.
        image: What the row calls its picture; None for text only.

    Raises:
        RowError: Why the row is refused.
    """
    return Row(
        id=_id(content),
        question=_question(content, has_image=image is not None),
        answer=_gold(content),
        solution=(_text(content, "solution") or "").strip() or None,
        image=image,
        category=_text(content, "category") or None,
        difficulty=_difficulty(content),
    )


def _parse(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_ROW_BYTES:
        raise RowError(f"the row has {len(line)} bytes, allowed {MAX_ROW_BYTES}")
    if not line.strip():
        raise RowError("the line is empty")
    try:
        content = json.loads(
            line.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=_refuse_number
        )
    except UnicodeDecodeError as e:
        raise RowError(f"not UTF-8 at byte {e.start}") from e
    except json.JSONDecodeError as e:
        raise RowError(f"invalid JSON: {e.msg} at character {e.pos}") from e
    except RecursionError as e:
        raise RowError("invalid JSON: nested too deeply") from e
    if not isinstance(content, dict):
        raise RowError(f"a row must be a JSON object, got {type(content).__name__}")
    return cast(dict[str, Any], content)


def _refuse_number(name: str) -> NoReturn:
    raise RowError(f"invalid JSON: {name} is no number")


def _text(content: dict[str, Any], key: str, *, is_required: bool = False) -> str | None:
    if is_required and key not in content:
        raise RowError(f"missing key {key!r}")
    value = content.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RowError(f"key {key!r} must be text, got {type(value).__name__}")
    if "\0" in value:
        raise RowError(f"key {key!r} holds a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise RowError(f"key {key!r} holds a lone surrogate, which is no valid Unicode")
    return value


def _id(content: dict[str, Any]) -> str:
    identity = _text(content, "id", is_required=True)
    if not identity or not identity.strip():
        raise RowError("key 'id' is empty")
    if len(identity) > MAX_ID_CHARS:
        raise RowError(f"key 'id' has {len(identity)} characters, allowed {MAX_ID_CHARS}")
    return identity


def _question(content: dict[str, Any], *, has_image: bool) -> str:
    question = _text(content, "question", is_required=True)
    if question is None:
        raise RowError("key 'question' must be text, got null")
    num_placeholders = question.count(PLACEHOLDER)
    if num_placeholders > 1:
        raise RowError(f"{num_placeholders} placeholders {PLACEHOLDER}: one picture is allowed")
    if num_placeholders and not has_image:
        raise RowError(f"placeholder {PLACEHOLDER} without a picture: key 'image' is null")
    if num_placeholders:
        question = question.replace(PLACEHOLDER, "").strip()
    if not question.strip() and not has_image:
        raise RowError("neither question nor picture")
    return question


def _difficulty(content: dict[str, Any]) -> str | None:
    """Under `difficulty`, or under `difficult` as the paper's own lists have it."""
    for key in ("difficulty", "difficult"):
        difficulty = (_text(content, key) or "").strip()
        if difficulty:
            return difficulty
    return None


def _gold(content: dict[str, Any]) -> str:
    answer = (_text(content, "answer") or "").strip()
    source = answer or _text(content, "solution") or ""
    boxed = last_boxed(source)
    gold = boxed if boxed is not None else answer
    if not gold:
        raise RowError("no answer: 'answer' is empty and 'solution' holds no filled \\boxed{}")
    return gold
