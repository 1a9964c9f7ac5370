"""Step IV of the RL loop: how rewards become updates."""

from typing import Literal, Self

from pydantic import Field, model_validator

from backend.contract.config.closed import Closed, unit

AlgorithmName = Literal[
    "reinforce_plus_plus",
    "maye_legacy",
    "reinforce_plus_plus_baseline",
    "grpo",
    "dr_grpo",
    "rloo",
    "dapo",
    "gspo",
    "cispo",
    "sapo",
]


class AlgorithmConfig(Closed):
    """Step IV: Reinforce++ with the PPO clip and a k3 KL loss (paper, Eq. 1-5)."""

    responses_per_rl_step: int = Field(default=896, ge=2, le=65536)
    """Responses collected before the policy is updated: one each for this many prompts."""
    responses_per_update: int = Field(default=28, ge=1, le=65536)
    """Responses in one optimizer step; must divide responses_per_rl_step."""
    passes_per_rl_step: int = Field(default=1, ge=1, le=16)
    """How often the collected responses are used for updates (PPO epochs)."""
    tokens_per_micro_batch: int = Field(
        default=16384, ge=64, le=4_194_304, json_schema_extra=unit("tokens")
    )
    """Largest padded size of one forward and backward pass; does not change the gradient."""
    discount: float = Field(default=1.0, ge=0.0, le=1.0)
    """Gamma of the return of every response token (Eq. 5)."""
    clip_low: float = Field(default=0.2, gt=0.0, lt=1.0)
    """Epsilon below 1 of the probability ratio's clip."""
    clip_high: float = Field(default=0.2, gt=0.0, le=10.0)
    """Epsilon above 1 of the probability ratio's clip."""
    kl_coefficient: float = Field(default=0.001, ge=0.0, le=10.0)
    """Weight of the k3 KL loss towards the reference policy; 0 skips the reference model."""

    @model_validator(mode="after")
    def _updates_divide_the_batch(self) -> Self:
        if self.responses_per_rl_step % self.responses_per_update:
            raise ValueError(
                f"responses_per_update ({self.responses_per_update}) must divide "
                f"responses_per_rl_step ({self.responses_per_rl_step})"
            )
        return self

    @property
    def updates_per_rl_step(self) -> int:
        """Optimizer steps in one RL step."""
        return self.responses_per_rl_step // self.responses_per_update * self.passes_per_rl_step
