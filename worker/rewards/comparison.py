"""What comparing two answers gave: all that the judge's worker process says to the trainer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing a prediction with the gold answer gave."""

    is_equal: bool
    """The prediction means the same as the gold answer."""
    has_raised: bool
    """The comparison raised an error instead of deciding; `is_equal` is then False."""


RAISED = Comparison(is_equal=False, has_raised=True)
"""No decision."""
EQUAL = Comparison(is_equal=True, has_raised=False)
"""Decided: equal."""
DIFFERENT = Comparison(is_equal=False, has_raised=False)
"""Decided: not equal."""
