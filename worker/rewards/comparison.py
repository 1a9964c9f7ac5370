"""What comparing two answers gave: all that the judge's child process says to the trainer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing a prediction with the gold answer gave."""

    is_equal: bool
    """The prediction means the same as the gold answer."""
    has_failed: bool
    """The comparison hung, crashed or raised instead of deciding; `is_equal` is then False."""


FAILED = Comparison(is_equal=False, has_failed=True)
"""No decision."""
EQUAL = Comparison(is_equal=True, has_failed=False)
"""Decided: equal."""
DIFFERENT = Comparison(is_equal=False, has_failed=False)
"""Decided: not equal."""
