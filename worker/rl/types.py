"""What the four steps hand to each other. Shapes: the legend in `worker/tensors/batches.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from backend.contract.datasets import Item
from worker.rewards.scoring import Reward
from worker.rl.corrections import Drift
from worker.tensors.batches import Prompts, Responses


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What Step I makes: problems and their prompts."""

    items: tuple[Item, ...]
    """Problems."""
    prompts: Prompts
    """Their encoded prompts."""

    def repeated(self, times: int) -> "Batch":
        """Every problem so many times, side by side: one row for each of its responses."""
        if times == 1:
            return self
        rows = [row for row in range(len(self.items)) for _ in range(times)]
        return Batch(
            items=tuple(self.items[row] for row in rows), prompts=self.prompts.select(rows)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """The responses of an RL step and what they are worth; rows are prompt by prompt."""

    batch: Batch
    """B problems and prompts, one row for each response."""
    responses: Responses
    """B responses."""
    rewards: tuple[Reward, ...]
    """B rewards with their parts."""
    responses_per_prompt: int
    """Rows that answer the same prompt, side by side."""
    num_replaced: int | None = None
    """Prompts that dynamic sampling answered besides the step's own; None where it is off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """What a policy makes of the responses."""

    logprobs: Tensor
    """[B, R] log-probability of each response token; 0 on padding."""
    entropy: Tensor
    """[B, R] entropy of the distribution that it was one of; 0 on padding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """What one RL step learned about its responses (Step III)."""

    prompts: Prompts
    """B prompts."""
    responses: Responses
    """B responses."""
    policy: Scores | None
    """Under the policy before this step's updates; None where the step's only update starts from
    that policy and finds them itself (`trajectory_generation.is_scored_by_update`)."""
    reference_logprobs: Tensor | None
    """[B, R] under the frozen reference; None when the KL coefficient is 0."""
    rewards: tuple[Reward, ...]
    """B rewards with their parts."""
    kl_rewards: Tensor | None
    """[B, R] minus the weighted KL (Eq. 4); None when the KL acts in the loss or not at all."""
    token_rewards: Tensor
    """[B, R] outcome at the last token plus the KL reward (Eq. 4); 0 on padding."""
    returns: Tensor
    """[B, R] return-to-go of the token rewards (Eq. 5); 0 on padding."""
    advantages: Tensor
    """[B, R] the algorithm's advantages; 0 on padding."""
    importance_weights: Tensor | None
    """[B, R] factors of the surrogate that make up for the engine; None without a correction."""

    @property
    def response_mask(self) -> Tensor:
        """[B, R] True on response tokens."""
        return self.responses.response_mask


@dataclass(frozen=True, kw_only=True, slots=True)
class RowTerms:
    """The loss of some responses in one update, token by token; without gradient.

    The update's loss is the sum over its responses and tokens of
    `loss_weights` x correction x `surrogate_loss` + `kl_weights` x `kl_loss`, where the correction
    is the trajectory's `importance_weights` (1 without).
    """

    mask: Tensor
    """[b, R] True on response tokens."""
    logprobs: Tensor
    """[b, R] under the policy at this update; 0 on padding."""
    entropy: Tensor | None
    """[b, R] of the policy at this update; None where the trajectory has it."""
    ratio: Tensor
    """[b, R] rho, of the token or of its whole response."""
    is_clipped: Tensor
    """[b, R] True where the clip holds the ratio."""
    surrogate_loss: Tensor
    """[b, R] before correction and weight."""
    corrected_loss: Tensor
    """[b, R] after correction, before weight; 0 on padding."""
    kl_loss: Tensor | None
    """[b, R] estimate of the KL before its weight, 0 on padding; None without a KL loss."""
    loss_weights: Tensor
    """[b] weight of each of the response's tokens."""
    kl_weights: Tensor
    """[b] the same times the KL coefficient; 0 where maye_legacy holds the mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Where in its run an RL step is."""

    rl_step: int
    """Number of the step, from 1."""
    total_rl_steps: int
    """RL steps of the whole run."""


RowObserver = Callable[[int, Sequence[int], RowTerms], None]
"""Sees the number of the update in its RL step, rows of the trajectory, and their terms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateStats:
    """What the updates of one RL step did (Step IV): means over its optimizer steps."""

    policy: Scores
    """Under the policy before the updates, whoever found them."""
    drift: Drift
    """How far engine and trainer were apart."""

    loss: float
    """Surrogate loss plus weighted KL loss."""
    surrogate_loss: float
    """The algorithm's surrogate, corrected and aggregated as the loss is."""
    kl_loss: float | None
    """KL estimate, aggregated as the loss is; None without a KL loss."""
    clip_frac: float
    """Share of response tokens held by the clip."""
    ratio: float
    """Mean probability ratio over response tokens."""
    grad_norm: float
    """Global gradient norm before clipping."""
    learning_rate: float
    """Learning rate of the last optimizer step."""
