"""How numbers become a verdict, and how they are written in sentences.

A claim is true where the interval lies wholly on its side, false where it lies wholly on the other,
and not decidable otherwise: too little data never makes a claim false.
"""

from collections.abc import Sequence
from typing import Literal

from backend.analysis.arms import Cell
from backend.analysis.curves import Decoded
from backend.analysis.report import Estimate, Verdict

Direction = Literal["up", "down", "open"]
"""Where an interval lies: above, below, or on both sides (or it is missing)."""


def direction(estimate: Estimate | None, against: Estimate | None = None) -> Direction:
    """Where an estimate's interval lies of another's; of 0 where there is no other."""
    low, high = (0.0, 0.0) if against is None else (against.low, against.high)
    if estimate is None or estimate.low is None or estimate.high is None:
        return "open"
    if low is None or high is None:
        return "open"
    if estimate.low > high:
        return "up"
    return "down" if estimate.high < low else "open"


def decide(found: Sequence[Direction], wanted: Direction) -> Verdict:
    """The verdict of tests that must all agree."""
    if found and all(one == wanted for one in found):
        return "true"
    opposite = "down" if wanted == "up" else "up"
    return "false" if found and all(one == opposite for one in found) else "not decidable"


def percent(estimate: Estimate) -> str:
    """A share with its interval, such as `40.3 % (38.1 to 42.5)`."""
    return _written(estimate, f"{100 * estimate.value:.1f} %", "{:.1f}")


def points(estimate: Estimate) -> str:
    """A difference of shares in percentage points, with its interval and sign."""
    return _written(estimate, f"{100 * estimate.value:+.1f} points", "{:+.1f}")


def place(cell: Cell) -> str:
    """Which model and data set a claim is about."""
    return f"{cell.model} on {cell.dataset}"


def asked(decoded: Decoded) -> str:
    """What was measured, such as `test, pass@8 at T = 1.0`."""
    return f"{decoded.split}, pass@{decoded.k} at T = {float(decoded.temperature)}"


def _written(estimate: Estimate, value: str, form: str) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{value} (no interval)"
    low, high = (form.format(100 * end) for end in (estimate.low, estimate.high))
    return f"{value} ({low} to {high})"
