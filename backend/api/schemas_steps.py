"""Bodies of the raw metrics of a run: whole steps, nothing left out."""

from datetime import datetime

from backend.api.schemas import Body


class LoggedStep(Body):
    """An RL step with every x-axis and what was measured at it."""

    rl_step: int
    epoch: float
    samples: int
    """Responses collected since the run's start."""
    tokens: int
    """Response tokens generated since the run's start."""
    seconds: float
    """Since the run's start."""
    logged_at: datetime
    values: dict[str, float]
    """Metric key to its value; may be "NaN", "Infinity" or "-Infinity" in JSON."""


class StepPage(Body):
    """Steps in order of rl_step, never down-sampled."""

    steps: list[LoggedStep]
    next_after: int | None
    """Pass as `after` for the next page; None on the last."""
