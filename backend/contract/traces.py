"""The trace of an RL step: what the trainer stores of chosen responses and the API serves.

A trace is one safetensors file. Its tensors are ragged rows laid end to end: the tensor `prompt`
of sample i is the slice `prompt_offsets[i]:prompt_offsets[i + 1]`. Texts of tokens are UTF-8
bytes end to end with the boundaries of every token. What is left (rewards by name, the updates)
is the JSON of `StepTrace` under `METADATA_KEY` of the file's header, so that one rename makes the
whole trace appear.
"""

from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

FORMAT_VERSION: Literal[1] = 1
METADATA_KEY = "trace"

Rows = Literal["prompt", "response", "update"]
"""Which rows a tensor has: one for each sample's prompt or response, or one for each sample and
each update that it took part in."""
PaperStep = Literal["data_flow", "response_collection", "trajectory_generation", "policy_update"]


class Record(BaseModel):
    """A closed, frozen JSON record."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class TensorKind(Record):
    """What a tensor of a trace holds."""

    title: str
    """Its name for people."""
    meaning: str
    """One sentence."""
    paper_step: PaperStep
    """The step that makes it."""
    rows: Rows
    """What a row of it belongs to."""
    dtype: Literal["I32", "F32", "U8"]
    """Element type in safetensors' names."""


def _kind(paper_step: PaperStep, rows: Rows, dtype: str, title: str, meaning: str) -> TensorKind:
    return TensorKind.model_validate(
        {
            "paper_step": paper_step,
            "rows": rows,
            "dtype": dtype,
            "title": title,
            "meaning": meaning,
        }
    )


TENSORS = MappingProxyType(
    {
        "prompt_tokens": _kind(
            "data_flow", "prompt", "I32", "Prompt tokens",
            "Token ids of the prompt; the picture takes one place for each merged patch.",
        ),
        "prompt_positions": _kind(
            "data_flow", "prompt", "I32", "Positions",
            "Rotary positions of every prompt token: time, height and width, or a single axis.",
        ),
        "response_tokens": _kind(
            "response_collection", "response", "I32", "Response tokens",
            "Token ids that the policy sampled, the end-of-text included.",
        ),
        "rollout_logprobs": _kind(
            "response_collection", "response", "F32", "Rollout log-probability",
            "Log-probability of the token under the engine that sampled it.",
        ),
        "response_mask": _kind(
            "trajectory_generation", "response", "U8", "Response mask",
            "1 on tokens that take part in the loss.",
        ),
        "policy_logprobs": _kind(
            "trajectory_generation", "response", "F32", "Policy log-probability",
            "Log-probability under the policy before this step's updates.",
        ),
        "reference_logprobs": _kind(
            "trajectory_generation", "response", "F32", "Reference log-probability",
            "Log-probability under the frozen reference model.",
        ),
        "entropy": _kind(
            "trajectory_generation", "response", "F32", "Entropy",
            "Entropy of the policy's distribution where the token was drawn, in nats.",
        ),
        "token_rewards": _kind(
            "trajectory_generation", "response", "F32", "Token reward",
            "Reward of each token: the outcome on the last one, and the KL reward if there is one.",
        ),
        "returns": _kind(
            "trajectory_generation", "response", "F32", "Return",
            "Discounted sum of this and all later token rewards.",
        ),
        "raw_advantages": _kind(
            "trajectory_generation", "response", "F32", "Advantage before normalisation",
            "What the whole batch or the group then normalises.",
        ),
        "advantages": _kind(
            "trajectory_generation", "response", "F32", "Advantage",
            "How much better than expected: what weights the token's gradient.",
        ),
        "correction_weights": _kind(
            "trajectory_generation", "response", "F32", "Importance correction",
            "Factor of the surrogate loss that corrects for engine and trainer disagreeing.",
        ),
        "update_logprobs": _kind(
            "policy_update", "update", "F32", "Log-probability at the update",
            "Log-probability under the policy at the moment of the update.",
        ),
        "ratio": _kind(
            "policy_update", "update", "F32", "Ratio",
            "Probability at the update over the probability before this step's updates.",
        ),
        "is_clipped": _kind(
            "policy_update", "update", "U8", "Clipped",
            "1 where the clip holds the token's gradient at zero.",
        ),
        "surrogate_loss": _kind(
            "policy_update", "update", "F32", "Surrogate loss",
            "What the algorithm wants small at the token, before correction and weight.",
        ),
        "kl_loss": _kind(
            "policy_update", "update", "F32", "KL loss",
            "Estimate of the token's KL divergence from the reference, before its weight.",
        ),
    }
)  # fmt: skip
"""Every tensor that a trace may hold, in the order in which the steps make them."""

OFFSETS = MappingProxyType(
    {"prompt": "prompt_offsets", "response": "response_offsets", "update": "update_offsets"}
)
"""Tensor with the row boundaries of every kind of rows: I32 [rows + 1]."""

PIECES = MappingProxyType(
    {
        "prompt": ("prompt_pieces", "prompt_piece_offsets"),
        "response": ("response_pieces", "response_piece_offsets"),
    }
)
"""Texts of tokens: U8 bytes, and I32 [tokens + 1] where each token's begin."""


class Grid(Record):
    """Into how many pieces a picture is cut."""

    time: int
    """Frames; 1 for a picture."""
    height: int
    """Rows."""
    width: int
    """Columns."""


class TracedImage(Record):
    """Where a picture lies in its prompt, and into what it was cut."""

    span_start: int
    """Index of its first token in the prompt."""
    span_end: int
    """Index after its last token; some families put separators in between."""
    num_tokens: int
    """Tokens that stand for it."""
    patch_grid: Grid | None
    """Patches of the vision tower; None where a family has no grid."""
    merged_grid: Grid | None
    """The same after merging: one place for each token of the language model."""


class RewardPart(Record):
    """One part of a response's reward."""

    name: str
    """Name of the reward."""
    value: float
    """What it gave."""
    weight: float
    """Its weight in the outcome."""


class TracedSample(Record):
    """What is known of a traced response besides its tensors."""

    index: int
    """Number of the response in its RL step, from 0."""
    item_id: str
    """The problem."""
    image: TracedImage | None
    """None for text only."""
    is_finished: bool
    """The response ended by itself."""
    is_correct: bool
    """The judge's verdict."""
    reward_parts: tuple[RewardPart, ...]
    """The parts."""
    outcome: float
    """What the response is rewarded with; differs from the parts' sum where it was cut off."""


class TracedUpdate(Record):
    """One optimizer step of the RL step."""

    index: int
    """Number of the update in its RL step, from 0."""
    pass_index: int
    """Number of the pass over the responses, from 0."""
    rows: tuple[int, ...]
    """Numbers of all responses in it."""
    num_tokens: int
    """Response tokens in it that take part in the loss."""


class TracedEntry(Record):
    """One traced response in one update: a row of the update tensors."""

    sample: int
    """Place of the response in `StepTrace.samples`."""
    update: int
    """Number of the update."""
    loss_weight: float
    """Weight of each of its tokens' surrogate loss in the update's loss."""
    kl_weight: float
    """Weight of each of its tokens' KL loss: the same times the KL coefficient."""


class StepTrace(Record):
    """The JSON part of a trace."""

    format: Literal[1] = FORMAT_VERSION
    """Version of this layout."""
    rl_step: int
    """The RL step, from 1."""
    fence: int
    """The attempt that made it."""
    num_responses: int
    """Responses of the RL step, traced or not."""
    algorithm: dict[str, Any]
    """The configuration of the algorithm."""
    mismatch: dict[str, Any]
    """The configuration of the importance correction."""
    loss: float
    """The loss that the step logged: the mean over its updates."""
    samples: tuple[TracedSample, ...]
    """The traced responses, by number."""
    updates: tuple[TracedUpdate, ...]
    """All updates of the RL step."""
    entries: tuple[TracedEntry, ...]
    """What every row of the update tensors belongs to."""

    @property
    def is_complete(self) -> bool:
        """Every response of the step is traced, so that the loss can be recomputed."""
        return len(self.samples) == self.num_responses
