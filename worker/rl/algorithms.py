"""The algorithms, as one table of small pure functions; their numbers are in the configuration.

`backend.contract.config.algorithm.ALGORITHM_DEFAULTS` has the choices that need no tensors
(aggregation, clip, groups), so that a run is refused before any model is loaded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from backend.contract.config import AlgorithmConfig, AlgorithmName
from worker.rl.advantages import (
    RewardSignal,
    centred_in_group,
    leave_one_out,
    legacy_advantages,
    standardised_in_group,
    whitened_group_returns,
    whitened_returns,
)
from worker.rl.losses import (
    KL_ESTIMATES,
    TokenSurrogate,
    clipped_surrogate,
    k3_kl,
    mean_log_ratio,
    sequence_surrogate,
    soft_gate_surrogate,
    sum_log_ratio,
    weighted_logprob_surrogate,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """Responses as an update sees them."""

    policy_logprobs: Tensor
    """[b, R] under the policy being updated, with gradient; 0 on padding."""
    old_logprobs: Tensor
    """[b, R] under the policy before the step's updates; 0 on padding."""
    advantages: Tensor
    """[b, R]; 0 on padding."""
    mask: Tensor
    """[b, R] True on response tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Algorithm:
    """What tells one algorithm from another, beside its numbers."""

    advantages: Callable[[RewardSignal], Tensor]
    """From a whole step's rewards to [B, R] advantages."""
    surrogate: Callable[[Scored, AlgorithmConfig], TokenSurrogate]
    """The loss of every token, before aggregation."""


def _token_clip(scored: Scored, cfg: AlgorithmConfig) -> TokenSurrogate:
    low, high = _both(cfg)
    return clipped_surrogate(
        scored.policy_logprobs,
        scored.old_logprobs,
        scored.advantages,
        clip_low=low,
        clip_high=high,
    )


def _mean_ratio_clip(scored: Scored, cfg: AlgorithmConfig) -> TokenSurrogate:
    low, high = _both(cfg)
    ratio = mean_log_ratio(scored.policy_logprobs, scored.old_logprobs, scored.mask)
    return sequence_surrogate(ratio, scored.advantages, clip_low=low, clip_high=high)


def _product_ratio_clip(scored: Scored, cfg: AlgorithmConfig) -> TokenSurrogate:
    low, high = _both(cfg)
    ratio = sum_log_ratio(scored.policy_logprobs, scored.old_logprobs, scored.mask)
    return sequence_surrogate(ratio, scored.advantages, clip_low=low, clip_high=high)


def _clipped_weight(scored: Scored, cfg: AlgorithmConfig) -> TokenSurrogate:
    _, high = cfg.clip
    assert high is not None
    return weighted_logprob_surrogate(
        scored.policy_logprobs, scored.old_logprobs, scored.advantages, clip_high=high
    )


def _soft_gate(scored: Scored, cfg: AlgorithmConfig) -> TokenSurrogate:
    temperatures = cfg.sapo_temperatures
    assert temperatures is not None
    return soft_gate_surrogate(
        scored.policy_logprobs, scored.old_logprobs, scored.advantages, temperatures=temperatures
    )


def _both(cfg: AlgorithmConfig) -> tuple[float, float]:
    low, high = cfg.clip
    assert low is not None, cfg.name
    assert high is not None, cfg.name
    return low, high


ALGORITHMS: Mapping[AlgorithmName, Algorithm] = MappingProxyType(
    {
        "reinforce_plus_plus": Algorithm(advantages=whitened_returns, surrogate=_token_clip),
        "maye_legacy": Algorithm(advantages=legacy_advantages, surrogate=_token_clip),
        "reinforce_plus_plus_baseline": Algorithm(
            advantages=whitened_group_returns, surrogate=_token_clip
        ),
        "grpo": Algorithm(advantages=standardised_in_group, surrogate=_token_clip),
        "dr_grpo": Algorithm(advantages=centred_in_group, surrogate=_token_clip),
        "rloo": Algorithm(advantages=leave_one_out, surrogate=_product_ratio_clip),
        "dapo": Algorithm(advantages=standardised_in_group, surrogate=_token_clip),
        "gspo": Algorithm(advantages=standardised_in_group, surrogate=_mean_ratio_clip),
        "cispo": Algorithm(advantages=standardised_in_group, surrogate=_clipped_weight),
        "sapo": Algorithm(advantages=standardised_in_group, surrogate=_soft_gate),
    }
)
"""Every algorithm by name."""


def kl_estimate(
    policy_logprobs: Tensor, reference_logprobs: Tensor, cfg: AlgorithmConfig
) -> Tensor:
    """[B, R] the configured estimate of the KL to the reference.

    maye_legacy holds the mean of an update's slice to 10 (in `policy_update`), not each token.
    """
    if cfg.holds_mean_kl and cfg.kl_estimator == "k3":
        return k3_kl(policy_logprobs, reference_logprobs, limit=None)
    return KL_ESTIMATES[cfg.kl_estimator](policy_logprobs, reference_logprobs)
