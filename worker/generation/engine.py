"""What the RL loop asks of an engine, whatever draws the tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from transformers import PreTrainedModel

from worker.tensors.batches import Prompts, Responses


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoding:
    """How to answer every prompt of a batch."""

    num_samples: int
    """Responses per prompt."""
    temperature: float
    """Softmax temperature, > 0."""
    top_p: float
    """Nucleus probability, in (0, 1]."""
    stream: str
    """Names the purpose (rollout, evaluation ...), so that two purposes never share numbers."""


class Engine(Protocol):
    """Draws responses. What is drawn depends on (seed, rl_step, prompt, sample) alone."""

    def generate(
        self, prompts: Prompts, decodings: Sequence[Decoding], *, rl_step: int, max_tokens: int
    ) -> list[Responses]:
        """Answer all prompts in each way of decoding.

        Returns:
            One record per decoding; rows are prompt by prompt, samples of a prompt together.
        """
        ...

    def load_weights(self, policy: PreTrainedModel) -> None:
        """Answer with these weights from now on."""
        ...
