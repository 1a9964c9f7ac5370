"""What the four steps hand to each other. Shapes: the legend in `worker/tensors/batches.py`."""

from dataclasses import dataclass

from torch import Tensor

from backend.contract.datasets import Item
from worker.rewards.scoring import Reward
from worker.tensors.batches import Prompts, Responses


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What Step I makes: the problems of one RL step and their prompts."""

    items: tuple[Item, ...]
    """B problems."""
    prompts: Prompts
    """Their B encoded prompts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trajectory:
    """What one RL step learned about its responses (Step III)."""

    prompts: Prompts
    """B prompts."""
    responses: Responses
    """B responses."""
    policy_logprobs: Tensor
    """[B, R] log-probability under the policy before this step's updates; 0 on padding."""
    reference_logprobs: Tensor | None
    """[B, R] under the frozen reference; None when the KL coefficient is 0."""
    entropy: Tensor
    """[B, R] entropy of the policy at each response token; 0 on padding."""
    rewards: tuple[Reward, ...]
    """B rewards with their parts."""
    advantages: Tensor
    """[B, R] whitened returns (Eq. 4-5); 0 on padding."""

    @property
    def response_mask(self) -> Tensor:
        """[B, R] True on response tokens."""
        return self.responses.response_mask


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdateStats:
    """What the updates of one RL step did (Step IV): means over its optimizer steps."""

    loss: float
    """Surrogate loss plus weighted KL loss."""
    surrogate_loss: float
    """Clipped surrogate, mean over response tokens."""
    kl_loss: float | None
    """k3 estimate, mean over response tokens; None without a reference."""
    clip_frac: float
    """Share of response tokens held by the clip."""
    ratio: float
    """Mean probability ratio over response tokens."""
    grad_norm: float
    """Global gradient norm before clipping."""
    learning_rate: float
    """Learning rate of the last optimizer step."""
