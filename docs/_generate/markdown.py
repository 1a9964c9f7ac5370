"""Pieces of Markdown: tables, code and anchors."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

NOTICE = "<!-- Written by `make reference` from {source}. Change that, not this page. -->"


def head(title: str, source: str) -> str:
    """Title of a page and where its content comes from."""
    return f"# {title}\n\n{NOTICE.format(source=source)}"


def join(blocks: Iterable[str]) -> str:
    """Blocks with an empty line in between; ends in one line end."""
    return "\n\n".join(block.strip("\n") for block in blocks if block) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing without rows."""
    lines = ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *lines])


def code(text: object) -> str:
    """Text as code."""
    return f"`{text}`"


def value(content: Any) -> str:
    """A value as JSON in code."""
    return code(json.dumps(content, ensure_ascii=False))


def anchor(name: str) -> str:
    """An invisible target of links."""
    return f'<span id="{name}"></span>'


def sentence(text: str) -> str:
    """Words of the code as text of a page: on one line, and never taken for HTML."""
    words = " ".join(text.split())
    parts = words.split("`")
    # Between backticks Markdown escapes by itself.
    parts[::2] = [
        part.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace("*", "\\*")
        .replace("\\boxed", "\\\\boxed")
        for part in parts[::2]
    ]
    return "`".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or " "
