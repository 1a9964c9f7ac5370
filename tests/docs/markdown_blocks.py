"""The fenced blocks of a page, by what a test does with them."""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S
)
INFO = re.compile(r'^(?P<language>\w*)(?: title="(?P<title>[^"]*)")?$')


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    title: str | None
    body: str
    place: str
    """File and line, for messages."""


def read_blocks(page: Path) -> list[Block]:
    """The blocks of a page in their order; one that is written otherwise than known is refused."""
    text = page.read_text(encoding="utf-8")
    blocks: list[Block] = []
    for match in FENCE.finditer(text):
        place = f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}"
        info = INFO.match(match["info"].strip())
        assert info is not None, f"{place}: unknown words after the fence: {match['info']!r}"
        blocks.append(Block(info["language"], info["title"], match["body"], place))
    num_fences = len(re.findall(r"^ *```", text, re.M))
    assert num_fences == 2 * len(blocks), f"{page.name}: a fence is not closed"
    return blocks


def find_mismatch(expected: str, got: str) -> str | None:
    """Where an output differs from what a page shows; None where it does not.

    `...` stands for anything within its line, a line of nothing else for any lines. How many
    spaces there are does not count.
    """
    lines = [" ".join(line.split()) for line in expected.strip().splitlines()]
    rest = [" ".join(line.split()) for line in got.strip().splitlines()]
    if _matches(lines, rest):
        return None
    return f"the page shows\n{expected}\nbut this was printed\n{got}"


def _matches(lines: list[str], rest: list[str]) -> bool:
    if not lines:
        return not rest
    if lines[0] == "...":
        return any(_matches(lines[1:], rest[skipped:]) for skipped in range(len(rest) + 1))
    pattern = ".*".join(re.escape(part) for part in lines[0].split("..."))
    return (
        bool(rest) and re.fullmatch(pattern, rest[0]) is not None and _matches(lines[1:], rest[1:])
    )
