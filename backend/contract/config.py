"""The configuration of an RL run: closed, frozen, each field documented.

The sentence under a field serves the reader of the code, OpenAPI and the help of the launch form.
Defaults are the paper's values (arXiv 2504.02587, section 4 and Appendix A); the form reads
`json_schema_extra` for unit and group. Batch sizes are global, whatever the number of devices.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$", max_length=64)
]


def unit(name: str) -> dict[str, JsonValue]:
    """The unit of a field, shown behind its input in the launch form."""
    return {"unit": name}


class Closed(BaseModel):
    """A part of a configuration: unknown keys fail, nothing changes after validation."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class DataConfig(Closed):
    """Step I: how a problem becomes a prompt."""

    prompt_suffix: str = Field(
        default=(
            "\nSolve the problem above and write out the solution. Keep the notation of the "
            "question and give the final answer in \\boxed{}."
        ),
        max_length=2000,
    )
    """Text appended to every question; the judge reads the last \\boxed{} of the response."""
    max_prompt_tokens: int = Field(default=4096, ge=16, le=131072, json_schema_extra=unit("tokens"))
    """Longest prompt allowed, visual tokens included; a longer one refuses the run by row."""
    max_image_pixels: int | None = Field(
        default=None, ge=784, le=16_777_216, json_schema_extra=unit("pixels")
    )
    """Images are scaled down to at most this many pixels; empty keeps the model's own limit."""


class SamplingConfig(Closed):
    """Step II: how responses are drawn from the policy."""

    temperature: float = Field(default=1.0, gt=0.0, le=5.0)
    """Softmax temperature of the rollouts; policy log-probabilities use the same temperature."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """Nucleus: the smallest set of tokens whose probability reaches this share is sampled from."""
    max_response_tokens: int = Field(default=2048, ge=2, le=65536, json_schema_extra=unit("tokens"))
    """Longest response of a rollout; one that is cut off here counts as truncated."""


class RewardConfig(Closed):
    """Step III: what a response is worth. Accuracy and language always count."""

    format: bool = False
    """Add 1 when the response holds exactly one <think>...</think> (the paper leaves it out)."""
    unfinished_reward: float = Field(default=-0.1, ge=-10.0, le=10.0)
    """Reward of a response without end-of-text, in place of its score."""
    judge_timeout_s: float = Field(default=5.0, gt=0.0, le=60.0, json_schema_extra=unit("s"))
    """Hard limit on judging one answer; what takes longer is counted as a failed judgement."""


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


class OptimizerConfig(Closed):
    """AdamW with linear warm-up and cosine decay to 0; moments are kept in fp32."""

    learning_rate: float = Field(default=5e-6, gt=0.0, le=1.0)
    """Peak learning rate."""
    warmup_frac: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of all optimizer steps in which the rate climbs linearly from 0."""
    beta1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """Decay of AdamW's first moment."""
    beta2: float = Field(default=0.95, ge=0.0, lt=1.0)
    """Decay of AdamW's second moment."""
    epsilon: float = Field(default=1e-5, gt=0.0, le=1e-2)
    """Term added to AdamW's denominator."""
    weight_decay: float = Field(default=0.01, ge=0.0, le=1.0)
    """Decoupled weight decay of every trained parameter."""
    max_grad_norm: float = Field(default=1.0, gt=0.0, le=1000.0)
    """Global norm to which gradients are clipped."""


class DecodingSetting(Closed):
    """One way to decode in an evaluation: pass@k at a temperature."""

    k: int = Field(ge=1, le=64)
    """Responses per problem; the problem is solved when any of them is right."""
    temperature: float = Field(gt=0.0, le=5.0)
    """Softmax temperature."""
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    """Nucleus probability."""


PAPER_DECODING = (
    DecodingSetting(k=8, temperature=1.0, top_p=1.0),
    DecodingSetting(k=1, temperature=0.6, top_p=1.0),
    DecodingSetting(k=1, temperature=0.01, top_p=0.001),
)


class EvaluationConfig(Closed):
    """How the policy is evaluated on validation and test, before training and every few epochs."""

    every_epochs: int = Field(default=1, ge=1, le=10000, json_schema_extra=unit("epochs"))
    """Epochs between two evaluations; step 0 and the last step are always evaluated."""
    max_response_tokens: int = Field(default=2048, ge=2, le=65536, json_schema_extra=unit("tokens"))
    """Longest response of an evaluation."""
    decoding: tuple[DecodingSetting, ...] = Field(
        default=PAPER_DECODING, min_length=1, max_length=8
    )
    """Decoding settings; the default is the paper's three (high, medium, low)."""
    permuted_control: bool = False
    """Also evaluate validation with pictures permuted among problems, at step 0 and at the end."""


class CheckpointConfig(Closed):
    """When the complete state of the run is saved."""

    every_rl_steps: int = Field(default=10, ge=1, le=100000, json_schema_extra=unit("steps"))
    """RL steps between two checkpoints; the last step is always saved."""
    keep: int = Field(default=2, ge=2, le=1000)
    """How many of the newest checkpoints stay on disk."""


class RLConfig(Closed):
    """Reinforcement learning of a vision-language model on one data set, with one seed."""

    kind: Literal["rl"] = "rl"
    """What the run does."""
    model: Slug
    """Slug of the model that training starts from."""
    dataset: Slug
    """Slug of the data set; its splits train, validation and test are used."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Seed of data order, sampling and updates: the same seed gives the same run."""
    epochs: int = Field(default=50, ge=1, le=100000)
    """Passes over the training split; the remainder of a pass that fills no batch is dropped."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Arithmetic of forward passes; weights, optimizer state and log-softmax are always fp32."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when there is one."""
    data: DataConfig = DataConfig()
    """Step I: how a problem becomes a prompt."""
    sampling: SamplingConfig = SamplingConfig()
    """Step II: how responses are drawn."""
    reward: RewardConfig = RewardConfig()
    """Step III: what a response is worth."""
    algorithm: AlgorithmConfig = AlgorithmConfig()
    """Step IV: how the policy is updated."""
    optimizer: OptimizerConfig = OptimizerConfig()
    """AdamW and its schedule."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """When and how the policy is evaluated."""
    checkpoint: CheckpointConfig = CheckpointConfig()
    """When the state is saved."""
