"""The reward of a response: the sum of its parts, or a fixed value when it was cut off."""

from dataclasses import dataclass

from backend.contract.config import RewardConfig
from worker.rewards.accuracy import accuracy_reward
from worker.rewards.format import format_reward
from worker.rewards.judge import Verdict
from worker.rewards.language import language_reward


@dataclass(frozen=True, slots=True)
class Reward:
    """What a response is worth."""

    parts: dict[str, float]
    """Part name (accuracy, language, format) to value, also of a response that was cut off."""
    outcome: float
    """What the response is rewarded with."""
    verdict: Verdict
    """The judge's verdict that the accuracy part came from."""


def score(response: str, verdict: Verdict, *, is_finished: bool, cfg: RewardConfig) -> Reward:
    """Reward of one response (MAYE: sum of the parts, replaced when there is no end-of-text).

    Deviation: the format part is off unless the configuration asks for it, as in the paper's text.

    Args:
        response: Decoded text without special tokens.
        verdict: The judge's verdict on it.
        is_finished: The response ends with end-of-text.
        cfg: Which parts count, and what a response that was cut off is worth.
    """
    parts = {"accuracy": accuracy_reward(verdict), "language": language_reward(response)}
    if cfg.format:
        parts["format"] = format_reward(response)
    outcome = sum(parts.values()) if is_finished else cfg.unfinished_reward
    return Reward(parts, outcome, verdict)
