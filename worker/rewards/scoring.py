"""The reward of a response: the weighted sum of its parts, or a fixed value when it was cut off."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from backend.contract.config import RewardConfig
from backend.contract.config.reward import BUILT_IN_REWARDS, RESERVED_NAMES
from backend.contract.metrics import metric_key
from worker.rewards.accuracy import accuracy_reward
from worker.rewards.child_process import Failure
from worker.rewards.extra import ExtraValues
from worker.rewards.format import format_reward
from worker.rewards.judge import Verdict
from worker.rewards.judging import Judging
from worker.rewards.language import language_reward
from worker.rewards.length import length_reward


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """A response as the rewards see it."""

    text: str
    """Decoded, without special tokens."""
    answer: str
    """The gold answer."""
    num_tokens: int
    """Length, end-of-text included."""
    is_finished: bool
    """It ends with end-of-text."""


@dataclass(frozen=True, slots=True)
class Reward:
    """What a response is worth."""

    parts: dict[str, float]
    """Part name to value before its weight, also of a response that was cut off."""
    outcome: float
    """What the response is rewarded with."""
    verdict: Verdict
    """The judge's verdict that the accuracy part came from."""
    failed_parts: tuple[str, ...] = ()
    """Extra parts that hung, crashed or raised; they count as 0."""


def _length(rollout: Rollout, _: Verdict, cfg: RewardConfig) -> float:
    assert cfg.length_budget_tokens is not None, "the configuration was checked"
    return length_reward(rollout.num_tokens, cfg.length_budget_tokens)


REWARDS: Mapping[str, Callable[[Rollout, Verdict, RewardConfig], float]] = MappingProxyType(
    {
        "accuracy": lambda _, verdict, __: accuracy_reward(verdict),
        "language": lambda rollout, _, __: language_reward(rollout.text),
        "format": lambda rollout, _, __: format_reward(rollout.text),
        "length": _length,
    }
)
"""The parts that come with Maye, by name."""


def part_weights(cfg: RewardConfig) -> dict[str, float]:
    """Weight of each part that is measured: those with a weight, and accuracy in any case."""
    own = {name: float(getattr(cfg, f"{name}_weight")) for name in BUILT_IN_REWARDS}
    extra = {reward.name: reward.weight for reward in cfg.extra}
    return {name: w for name, w in (own | extra).items() if w != 0 or name == "accuracy"}


def score_responses(judge: Judging, rollouts: Sequence[Rollout], cfg: RewardConfig) -> list[Reward]:
    """Rewards of responses, in their order."""
    pairs = [(rollout.text, rollout.answer) for rollout in rollouts]
    verdicts = judge.verdicts(pairs)
    extras = judge.extra_values(pairs) if cfg.extra else [{} for _ in pairs]
    return [
        score(rollout, verdict, cfg, extra)
        for rollout, verdict, extra in zip(rollouts, verdicts, extras, strict=True)
    ]


def score(
    rollout: Rollout, verdict: Verdict, cfg: RewardConfig, extra: ExtraValues | None = None
) -> Reward:
    """Reward of one response (MAYE: sum of the parts, replaced when there is no end-of-text).

    Deviation: the format part has no weight by default, as in the paper's text.

    Args:
        rollout: The response.
        verdict: The judge's verdict on it.
        cfg: What the parts weigh, and what a response that was cut off is worth.
        extra: Values of the extra parts.
    """
    weights, extra = part_weights(cfg), extra or {}
    parts = {name: REWARDS[name](rollout, verdict, cfg) for name in weights if name in REWARDS}
    parts |= {name: 0.0 if value is None else value for name, value in extra.items()}
    outcome = sum(weights[name] * value for name, value in parts.items())
    return Reward(
        parts,
        outcome if rollout.is_finished else cfg.unfinished_reward,
        verdict,
        tuple(name for name, value in extra.items() if value is None),
    )


def reward_metrics(rewards: Sequence[Reward]) -> dict[str, float]:
    """Means over the responses of a step, and what judging them ran into.

    Args:
        rewards: Of at least one response.
    """
    count = len(rewards)
    verdicts = [reward.verdict for reward in rewards]
    metrics = {
        "reward/outcome": sum(reward.outcome for reward in rewards) / count,
        "reward/judge_failed_frac": sum(v.failure is not None for v in verdicts) / count,
        "reward/judge_hung_frac": sum(v.failure == Failure.HUNG for v in verdicts) / count,
        "reward/judge_crashed_frac": sum(v.failure == Failure.CRASHED for v in verdicts) / count,
        "reward/judge_disagreement_frac": sum(v.is_disputed for v in verdicts) / count,
    }
    for name in rewards[0].parts:
        mean = sum(reward.parts[name] for reward in rewards) / count
        if name in RESERVED_NAMES:
            metrics[f"reward/{name}"] = mean
            continue
        num_failed = sum(name in reward.failed_parts for reward in rewards)
        metrics[metric_key("reward/extra", reward=name)] = mean
        metrics[metric_key("reward/extra_failed_frac", reward=name)] = num_failed / count
    return metrics
