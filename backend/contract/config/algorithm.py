"""Step IV of the RL loop: how rewards become updates."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from backend.contract.config.closed import Closed, unit
from backend.contract.config.refusal import refuse

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
LossAggregation = Literal["token_mean", "response_mean", "constant"]
KLEstimator = Literal["k1", "k2", "k3"]


class AlgorithmDefaults(NamedTuple):
    """What an algorithm takes where the configuration leaves the choice to it."""

    loss_aggregation: LossAggregation
    """How the losses of tokens become one number."""
    clip_low: float | None
    """Epsilon below 1 of the ratio's clip; None: the algorithm has no lower clip."""
    clip_high: float | None
    """Epsilon above 1 of the ratio's clip; None: the algorithm has no upper clip."""
    needs_groups: bool
    """True when advantages compare the responses to the same prompt."""
    dynamic_sampling: bool = False
    """True when prompts whose responses are all right or all wrong are replaced."""
    legacy_ranks: int | None = None
    """Slices of a step that are whitened and averaged apart; None: the step is whole."""
    sapo_temperatures: tuple[float, float] | None = None
    """Temperatures for positive and other advantages; None: no soft gate."""


ALGORITHM_DEFAULTS: Mapping[AlgorithmName, AlgorithmDefaults] = MappingProxyType(
    {
        # arXiv 2501.03262; the paper's loss is a token mean (its authors' code).
        "reinforce_plus_plus": AlgorithmDefaults("token_mean", 0.2, 0.2, needs_groups=False),
        # The released code of arXiv 2504.02587: seven ranks.
        "maye_legacy": AlgorithmDefaults(
            "token_mean", 0.2, 0.2, needs_groups=False, legacy_ranks=7
        ),
        # arXiv 2501.03262, section on several responses per prompt.
        "reinforce_plus_plus_baseline": AlgorithmDefaults(
            "token_mean", 0.2, 0.2, needs_groups=True
        ),
        # arXiv 2402.03300.
        "grpo": AlgorithmDefaults("response_mean", 0.2, 0.2, needs_groups=True),
        # arXiv 2503.20783.
        "dr_grpo": AlgorithmDefaults("constant", 0.2, 0.2, needs_groups=True),
        # arXiv 2402.14740, with the clip that TRL adds.
        "rloo": AlgorithmDefaults("response_mean", 0.2, 0.2, needs_groups=True),
        # arXiv 2503.14476.
        "dapo": AlgorithmDefaults(
            "token_mean", 0.2, 0.28, needs_groups=True, dynamic_sampling=True
        ),
        # arXiv 2507.18071, section 5.1.
        "gspo": AlgorithmDefaults("response_mean", 3e-4, 4e-4, needs_groups=True),
        # arXiv 2506.13585; the limit of 5 on the weight is that of arXiv 2510.13786.
        "cispo": AlgorithmDefaults("token_mean", None, 4.0, needs_groups=True),
        # arXiv 2511.20347.
        "sapo": AlgorithmDefaults(
            "response_mean", None, None, needs_groups=True, sapo_temperatures=(1.0, 1.05)
        ),
    }
)
"""The choices of every algorithm, with their source."""


class AlgorithmConfig(Closed):
    """Step IV: which algorithm, and its numbers (the paper: Reinforce++ with a k3 KL loss)."""

    name: AlgorithmName = "reinforce_plus_plus"
    """How rewards become advantages and a loss; maye_legacy repeats the authors' code."""
    responses_per_rl_step: int = Field(default=896, ge=2, le=65536)
    """Responses collected before the policy is updated, over all prompts."""
    responses_per_prompt: int = Field(default=1, ge=1, le=1024)
    """Responses to each prompt (a group); must divide responses_per_rl_step."""
    responses_per_update: int = Field(default=28, ge=1, le=65536)
    """Responses in one optimizer step; must divide responses_per_rl_step."""
    passes_per_rl_step: int = Field(default=1, ge=1, le=16)
    """How often the collected responses are used for updates (PPO epochs)."""
    tokens_per_micro_batch: int = Field(
        default=16384, ge=64, le=4_194_304, json_schema_extra=unit("tokens")
    )
    """Largest padded size of one forward and backward pass; does not change the gradient."""
    loss_aggregation: LossAggregation | None = None
    """Mean over tokens, mean of each response's mean (Eq. 1), or sum over a constant (responses x
    max_response_tokens); empty takes the algorithm's own."""
    discount: float = Field(default=1.0, ge=0.0, le=1.0)
    """Gamma of the return of every response token (Eq. 5)."""
    clip_low: float | None = Field(default=None, gt=0.0, lt=1.0)
    """Epsilon below 1 of the probability ratio's clip; empty takes the algorithm's own (0.2)."""
    clip_high: float | None = Field(default=None, gt=0.0, le=10.0)
    """Epsilon above 1 of the probability ratio's clip; empty takes the algorithm's own (0.2)."""
    kl_coefficient: float = Field(default=0.001, ge=0.0, le=10.0)
    """Weight of the KL towards the reference policy; 0 skips the reference model."""
    kl_estimator: KLEstimator = "k3"
    """How the KL is estimated from the sampled tokens (Schulman 2020); the paper takes k3."""
    kl_placement: Literal["loss", "reward"] = "loss"
    """Where the KL acts: in the loss with its gradient (Eq. 1), or in token rewards (Eq. 4)."""
    dynamic_sampling: bool | None = None
    """Replace prompts whose responses are all right or all wrong (DAPO); empty takes the
    algorithm's own."""
    dynamic_sampling_rounds: int = Field(default=3, ge=1, le=64)
    """Most rounds of replacing in one RL step; what is still missing then is counted and kept."""
    overlong_buffer_tokens: int | None = Field(
        default=None, ge=1, le=65536, json_schema_extra=unit("tokens")
    )
    """The last tokens before max_response_tokens, over which a growing part of 1 is taken off the
    reward (DAPO, Eq. 13); empty takes nothing off."""
    sapo_temperature_positive: float | None = Field(default=None, gt=0.0, le=100.0)
    """SAPO only: temperature of the soft gate where the advantage is positive; empty means 1."""
    sapo_temperature_negative: float | None = Field(default=None, gt=0.0, le=100.0)
    """SAPO only: temperature of the soft gate elsewhere; empty means 1.05."""
    legacy_ranks: int | None = Field(default=None, ge=1, le=1024)
    """maye_legacy only: slices of a step that are whitened apart; empty means the authors' 7."""

    @model_validator(mode="after")
    def _counts_divide(self) -> Self:
        total, ranks = self.responses_per_rl_step, self.num_slices
        for field in ("responses_per_update", "responses_per_prompt"):
            divisor = getattr(self, field)
            if total % divisor:
                refuse(
                    (field,),
                    f"{field} ({divisor}) must divide responses_per_rl_step ({total})",
                    divisor,
                )
        if self.responses_per_update % ranks:
            refuse(
                ("legacy_ranks",),
                f"legacy_ranks ({ranks}) must divide responses_per_update "
                f"({self.responses_per_update}): every slice gives an update as many responses",
                self.legacy_ranks,
            )
        if (total // ranks) % self.responses_per_prompt:
            refuse(
                ("legacy_ranks",),
                f"legacy_ranks ({ranks}) must divide responses_per_rl_step / responses_per_prompt "
                f"({total} / {self.responses_per_prompt})",
                self.legacy_ranks,
            )
        return self

    @model_validator(mode="after")
    def _groups_are_there(self) -> Self:
        if self.responses_per_prompt >= 2:
            return self
        for needed, what in (
            (self.defaults.needs_groups, f"name ({self.name})"),
            (self.samples_dynamically, "dynamic_sampling (true)"),
        ):
            if needed:
                refuse(
                    ("responses_per_prompt",),
                    f"{what} compares the responses to a prompt: responses_per_prompt must be at "
                    f"least 2, not {self.responses_per_prompt}",
                    self.responses_per_prompt,
                )
        return self

    @model_validator(mode="after")
    def _choices_have_an_effect(self) -> Self:
        own = self.defaults
        for field, has_effect in (
            ("clip_low", own.clip_low is not None),
            ("clip_high", own.clip_high is not None),
            ("sapo_temperature_positive", own.sapo_temperatures is not None),
            ("sapo_temperature_negative", own.sapo_temperatures is not None),
            ("legacy_ranks", own.legacy_ranks is not None),
        ):
            value = getattr(self, field)
            if value is not None and not has_effect:
                allowed = [
                    name
                    for name, row in ALGORITHM_DEFAULTS.items()
                    if getattr(row, field.replace("_positive", "s").replace("_negative", "s"))
                    is not None
                ]
                refuse(
                    (field,),
                    f"{field} ({value}) has no effect with name {self.name}: leave it empty, or "
                    f"choose {', '.join(allowed)}",
                    value,
                )
        return self

    @property
    def defaults(self) -> AlgorithmDefaults:
        """The algorithm's own choices."""
        return ALGORITHM_DEFAULTS[self.name]

    @property
    def updates_per_rl_step(self) -> int:
        """Optimizer steps in one RL step."""
        return self.responses_per_rl_step // self.responses_per_update * self.passes_per_rl_step

    @property
    def prompts_per_rl_step(self) -> int:
        """Prompts of one RL step."""
        return self.responses_per_rl_step // self.responses_per_prompt

    @property
    def aggregation(self) -> LossAggregation:
        """The aggregation that is used."""
        return self.loss_aggregation or self.defaults.loss_aggregation

    @property
    def clip(self) -> tuple[float | None, float | None]:
        """The epsilons below and above 1 that are used; None where there is no clip."""
        own = self.defaults
        low = own.clip_low if self.clip_low is None else self.clip_low
        return low, own.clip_high if self.clip_high is None else self.clip_high

    @property
    def sapo_temperatures(self) -> tuple[float, float] | None:
        """SAPO's temperatures for positive and other advantages; None for other algorithms."""
        own = self.defaults.sapo_temperatures
        if own is None:
            return None
        return self.sapo_temperature_positive or own[0], self.sapo_temperature_negative or own[1]

    @property
    def samples_dynamically(self) -> bool:
        """True when prompts whose responses are all right or all wrong are replaced."""
        own = self.defaults.dynamic_sampling
        return own if self.dynamic_sampling is None else self.dynamic_sampling

    @property
    def num_slices(self) -> int:
        """Parts of a step that are whitened and averaged apart: 1 but for maye_legacy."""
        return self.legacy_ranks or self.defaults.legacy_ranks or 1

    @property
    def has_kl_loss(self) -> bool:
        """True when the KL acts in the loss."""
        return self.kl_coefficient > 0 and self.kl_placement == "loss"

    @property
    def holds_mean_kl(self) -> bool:
        """True when the mean of the KL loss is held (the authors' code), not each token's."""
        return self.name == "maye_legacy" and self.has_kl_loss

    @property
    def has_kl_reward(self) -> bool:
        """True when the KL acts in the token rewards."""
        return self.kl_coefficient > 0 and self.kl_placement == "reward"
