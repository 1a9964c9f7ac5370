"""Colours and dashes of a figure's curves: one look for each curve, the same in all its panels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from backend.analysis.report import Series

Dashes = Literal["-"] | tuple[float, tuple[float, ...]]
CurveName = tuple[str, str]
"""Role and label: the same curve in several panels has both."""

_COLOURS = {
    "rl": ("#cc2b1d", "#a67c00", "#b4639a", "#7a3b00"),
    "sft": ("#0072b2", "#56b4e9", "#3b3f9e"),
    "vanilla": ("#009e73",),
    "published": ("#8a8a8a",),
}
"""The paper's red, blue and green; further settings of a kind from a colour-blind-safe set."""

_DASHES: Mapping[str, tuple[Dashes, ...]] = {
    "rl": ("-", (0, (5, 1.5)), (0, (4, 1, 1, 1))),
    "sft": ("-", (0, (5, 1.5)), (0, (4, 1, 1, 1))),
    "vanilla": ((0, (4, 2.5)),),
    "published": ("-", (0, (1, 1.2)), (0, (4, 2.5))),
}


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How one curve is drawn."""

    colour: str
    """Hexadecimal."""
    dashes: Dashes
    """matplotlib's line style."""
    num_runs: str
    """Runs behind it, for the legend: a number, or from-to where panels differ."""


def line_styles(series: Iterable[Series]) -> dict[CurveName, LineStyle]:
    """A style for each curve, in the order of first appearance within its role."""
    num_runs: dict[CurveName, set[int]] = {}
    for one in series:
        num_runs.setdefault((one.role, one.label), set()).add(one.num_runs)
    styles: dict[CurveName, LineStyle] = {}
    for role in _COLOURS:
        names = [name for name in num_runs if name[0] == role]
        for place, name in enumerate(names):
            styles[name] = LineStyle(
                colour=_COLOURS[role][place % len(_COLOURS[role])],
                dashes=_DASHES[role][place % len(_DASHES[role])],
                num_runs="-".join(map(str, sorted({min(num_runs[name]), max(num_runs[name])}))),
            )
    return styles
