"""Bodies of the trace of a step: one response with every tensor that the four steps made of it."""

from typing import Any

from backend.api.schemas import Body
from backend.contract.traces import PaperStep, RewardPart, TracedImage


class TracedStep(Body):
    """A traced RL step."""

    rl_step: int
    indices: list[int]
    """Numbers of the responses that are traced."""
    num_responses: int
    """Responses of the step, traced or not."""


class UnreadableTrace(Body):
    """A traced RL step whose file is damaged."""

    rl_step: int
    reason: str
    """What is wrong with it."""


class TrajectoryIndex(Body):
    """What of a run is traced."""

    every_rl_steps: int
    """RL steps between two traces, as the run's configuration asks; 0 keeps none."""
    steps: list[TracedStep]
    """Traced steps, oldest first."""
    unreadable: list[UnreadableTrace]
    """Traced steps whose file cannot be read, oldest first; they are none of the others."""


class Token(Body):
    """A token."""

    id: int
    """In the model's vocabulary."""
    text: str
    """What it stands for; bytes that are no whole character show as U+FFFD."""


class TracedTensor(Body):
    """A tensor of the response, or of the first update that it took part in."""

    name: str
    """Key in `columns` of the response or of its updates, but for tokens and positions."""
    title: str
    meaning: str
    paper_step: PaperStep
    """The step that makes it."""
    dtype: str
    axes: list[str]
    """P prompt tokens, R response tokens, axes of positions."""
    shape: list[int]


class TrajectoryUpdate(Body):
    """What one update made of the response."""

    index: int
    """Number of the update in its RL step, from 0."""
    pass_index: int
    """Number of the pass over the responses, from 0."""
    num_responses: int
    """Responses in the update."""
    num_tokens: int
    """Response tokens in the update that take part in the loss."""
    loss_weight: float
    """Weight of each of the response's tokens in the update's loss."""
    kl_weight: float
    """The same times the KL coefficient."""
    columns: dict[str, list[float]]
    """Tensor to its value at every response token."""
    surrogate_contribution: float
    """Loss weight times the sum of the tokens' surrogate losses, corrected where they are."""
    kl_contribution: float | None
    """KL weight times the sum of the tokens' KL losses; None without a KL loss."""
    contribution: float
    """What the response adds to the update's loss: both together."""


class Trajectory(Body):
    """One response of a traced RL step."""

    rl_step: int
    index: int
    """Number of the response in its step, from 0."""
    num_responses: int
    """Responses of the step."""
    num_updates: int
    """Optimizer steps of the RL step."""
    loss: float
    """Loss that the step logged: the mean over its updates."""
    algorithm: dict[str, Any]
    """Configuration of the algorithm."""
    item_id: str
    question: str
    gold_answer: str
    image_sha256: str | None
    image: TracedImage | None
    """Where the picture lies in the prompt; None for text only."""
    prompt: list[Token]
    prompt_positions: list[list[int]]
    """[axes, P] rotary positions."""
    response: list[Token]
    is_finished: bool
    is_correct: bool
    reward_parts: list[RewardPart]
    reward_adjustment: float
    """Outcome less the weighted parts: what a response that was cut off loses, for example."""
    outcome: float
    columns: dict[str, list[float]]
    """Tensor of steps two and three to its value at every response token."""
    updates: list[TrajectoryUpdate]
    """One for each update that the response took part in."""
    tensors: list[TracedTensor]
    """All of them, in the order in which the steps make them."""
