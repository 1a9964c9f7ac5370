"""Bodies about evaluations: the request of one, stored answers, and two evaluations compared."""

from typing import Literal
from uuid import UUID

from pydantic import Field, field_validator

from backend.api.schemas import Body
from backend.contract.config import EvaluationRunConfig
from backend.contract.config.closed import Closed
from backend.contract.devices import MAX_PRIORITY
from backend.contract.messages import MAX_STEP


class CheckpointWish(Closed):
    """A checkpoint by its step, or by what it is in its run."""

    run: UUID
    """The run that saved it."""
    rl_step: int | Literal["best", "last"] = "last"
    """Step after which it was saved; best is by validation accuracy (last decoding setting)."""

    @field_validator("rl_step", mode="before")
    @classmethod
    def _names_a_step(cls, value: object) -> object:
        """One message in place of one for each type."""
        is_step = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_STEP
        if not is_step and value not in ("best", "last"):
            raise ValueError(f"must be a step from 0, best or last; got {ascii(value)[:40]}")
        return value


class EvaluationWish(EvaluationRunConfig):
    """What to evaluate: the configuration of the run, but for how its checkpoint is named."""

    # A model's fields are frozen at run time, which the type checker does not know.
    kind: Literal["evaluation"] = "evaluation"
    checkpoint: CheckpointWish | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    """Trained weights to evaluate; empty evaluates the model itself (vanilla)."""


class EvaluationCreate(Body):
    """A new evaluation job."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    """Shown in the run list; made from model and data set where it is left out."""
    config: EvaluationWish
    """What to evaluate, and how."""
    priority: int = Field(default=0, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    """Queued runs of a higher priority start first; among equals the older one."""


class EvaluationInfo(Body):
    """What a policy made of one split under one decoding setting at one step."""

    id: int
    run_id: UUID
    rl_step: int
    epoch: float | None
    """None until the step itself was logged."""
    dataset: str
    """Slug of the data set."""
    split: str
    pictures: str
    """own, or permuted among the problems (the control)."""
    k: int
    """Responses per problem."""
    temperature: float
    top_p: float
    num_problems: int
    """Problems that have an answer."""
    num_answers: int
    num_solved: int
    """Problems with at least one right response."""
    accuracy: float
    """num_solved over num_problems."""
    accuracy_low: float
    """Lower end of Wilson's 95 % interval over problems."""
    accuracy_high: float
    """Upper end."""
    num_correct: int
    """Right responses."""
    mean_response_tokens: float


class Answer(Body):
    """One response with its problem and its verdict."""

    item_id: str
    row: int
    """Line of the problem in the imported file."""
    sample: int
    """Which of the k responses."""
    question: str
    gold_answer: str
    category: str | None
    difficulty: str | None
    image_sha256: str | None
    """Picture of the problem under /datasets/{slug}/images/{sha256}; None for text only."""
    response: str
    extracted_answer: str | None
    is_correct: bool
    failure: str | None
    """Why the judge could not decide; None when it did."""
    num_response_tokens: int
    is_truncated: bool
    is_repeating: bool
    reward_parts: dict[str, float]
    reflection: dict[str, int]
    """Reflection words that occur, with how often."""


class AnswerPage(Body):
    """A page of answers in file order."""

    evaluation: EvaluationInfo
    answers: list[Answer]
    next_cursor: str | None
    """Pass as `cursor` for the next page; None on the last."""


class ComparedProblem(Body):
    """A problem that one of two evaluations solved and the other did not."""

    item_id: str
    row: int
    question: str
    category: str | None
    difficulty: str | None
    image_sha256: str | None


class ComparedGroup(Body):
    """The problems of one category or difficulty."""

    name: str | None
    """None: problems of which the data set does not say it."""
    num_problems: int
    num_solved_a: int
    num_solved_b: int
    num_gained: int
    num_lost: int


class Comparison(Body):
    """Two evaluations on the same problems; solved means any of k is right."""

    a: EvaluationInfo
    b: EvaluationInfo
    num_problems: int
    """Problems that both have answered; only these are compared."""
    num_only_a: int
    """Problems that only a has answered."""
    num_only_b: int
    num_solved_a: int
    num_solved_b: int
    gained: list[ComparedProblem]
    """Solved by b and not by a, in file order."""
    lost: list[ComparedProblem]
    """Solved by a and not by b."""
    by_category: list[ComparedGroup]
    by_difficulty: list[ComparedGroup]
    p_value: float
    """McNemar's exact test, two-sided: gains and losses are equally likely."""
    difference: float
    """Accuracy of b minus that of a."""
    difference_low: float
    """Lower end of the 95 % paired bootstrap interval over problems."""
    difference_high: float
    """Upper end."""
