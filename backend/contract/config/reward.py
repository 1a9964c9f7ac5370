"""Step III of the RL loop: what a response is worth."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from backend.contract.config.closed import Closed, unit
from backend.contract.config.refusal import refuse

RewardName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

BUILT_IN_REWARDS: tuple[str, ...] = ("accuracy", "language", "format", "length")
"""The parts that come with Maye; each has a weight of its own in `RewardConfig`."""

RESERVED_NAMES = frozenset({*BUILT_IN_REWARDS, "overlong"})
"""Parts that Maye computes; an extra reward cannot take their names."""


class ExtraReward(Closed):
    """A reward that an installed Python package brings (entry point group `maye.rewards`)."""

    name: RewardName
    """Name of the entry point; the operator of the worker must have allowed it."""
    weight: float = Field(ge=-100.0, le=100.0)
    """Factor of its value in the sum; not 0."""


class RewardConfig(Closed):
    """Step III: what a response is worth, as a weighted sum of parts.

    A part whose weight is 0 is not computed; accuracy is always measured and logged.
    """

    accuracy_weight: float = Field(default=1.0, ge=0.0, le=100.0)
    """Factor of the accuracy part: 1 for a right answer, else 0."""
    language_weight: float = Field(default=1.0, ge=0.0, le=100.0)
    """Factor of the language part: -0.1 times the share of Chinese characters."""
    format_weight: float = Field(default=0.0, ge=0.0, le=100.0)
    """Factor of the format part: 1 for exactly one <think>...</think> (the paper leaves it out)."""
    length_weight: float = Field(default=0.0, ge=0.0, le=100.0)
    """Factor of the length part: minus the distance from length_budget_tokens, in budgets."""
    length_budget_tokens: int | None = Field(
        default=None, ge=1, le=65536, json_schema_extra=unit("tokens")
    )
    """Length that the length part draws responses to; needed when length_weight is not 0."""
    extra: tuple[ExtraReward, ...] = Field(default=(), max_length=16)
    """Further parts, from packages that the operator of the worker has installed and allowed."""
    unfinished_reward: float = Field(default=-0.1, ge=-10.0, le=10.0)
    """Reward of a response without end-of-text, in place of its score."""
    judge_timeout_s: float = Field(default=5.0, gt=0.0, le=60.0, json_schema_extra=unit("s"))
    """Hard limit on judging one answer; what takes longer is counted as a hung judgement."""
    judge_workers: int = Field(default=2, ge=1, le=64)
    """Processes that judge at a time; verdicts do not depend on their number."""

    @model_validator(mode="after")
    def _some_part_counts(self) -> Self:
        weights = [getattr(self, f"{name}_weight") for name in BUILT_IN_REWARDS]
        if not any(weights) and not self.extra:
            refuse(
                ("accuracy_weight",),
                "every response would be worth the same: give at least one part of the reward a "
                "weight",
                self.accuracy_weight,
            )
        return self

    @model_validator(mode="after")
    def _the_budget_belongs_to_the_length_part(self) -> Self:
        if (self.length_weight > 0) != (self.length_budget_tokens is not None):
            refuse(
                ("length_budget_tokens",),
                f"length_weight ({self.length_weight:g}) and length_budget_tokens "
                f"({self.length_budget_tokens}) go together: set both, or neither",
                self.length_budget_tokens,
            )
        return self

    @model_validator(mode="after")
    def _extra_parts_are_distinct_and_count(self) -> Self:
        taken = set(RESERVED_NAMES)
        for index, extra in enumerate(self.extra):
            if extra.name in taken:
                refuse(("extra", index, "name"), f"{extra.name} is taken already", extra.name)
            if extra.weight == 0:
                refuse(("extra", index, "weight"), "a weight of 0 has no effect", extra.weight)
            taken.add(extra.name)
        return self
