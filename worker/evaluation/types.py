"""What the parts of an evaluation hand to each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from backend.contract.config import EvaluationSettings, ReflectionConfig, RewardConfig
from backend.contract.datasets import Item
from worker.evaluation.store import AnswerStore
from worker.generation.engine import Engine
from worker.rewards.judging import Judging
from worker.tensors.batches import Prompts


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is evaluated: problems under a name."""

    split: str
    """validation, test, or train in an evaluation of its own."""
    pictures: Literal["own", "permuted"]
    """own, or permuted among the problems (the control)."""
    items: Sequence[Item]
    """The problems."""

    @property
    def title(self) -> str:
        """For people."""
        return self.split if self.pictures == "own" else f"{self.split}, pictures permuted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheme:
    """What an evaluation asks and measures: the parts of a run's configuration that decide it."""

    evaluation: EvaluationSettings
    """Decoding settings."""
    reward: RewardConfig
    """The parts that a response is scored by."""
    reflection: ReflectionConfig
    """Which words count as reflection."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examiner:
    """What asks, decides and remembers."""

    engine: Engine
    """Draws the responses."""
    judge: Judging
    """Decides them."""
    encode: Callable[[Sequence[Item]], Prompts]
    """Turns problems into prompts."""
    store: AnswerStore
    """Answers that an earlier attempt has judged are taken from it."""
    weights: str
    """Fingerprint of the policy that the engine answers with."""
