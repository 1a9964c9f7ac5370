"""Step III of the RL loop: what a response is worth."""

from pydantic import Field

from backend.contract.config.closed import Closed, unit


class RewardConfig(Closed):
    """Step III: what a response is worth. Accuracy and language always count."""

    format: bool = False
    """Add 1 when the response holds exactly one <think>...</think> (the paper leaves it out)."""
    unfinished_reward: float = Field(default=-0.1, ge=-10.0, le=10.0)
    """Reward of a response without end-of-text, in place of its score."""
    judge_timeout_s: float = Field(default=5.0, gt=0.0, le=60.0, json_schema_extra=unit("s"))
    """Hard limit on judging one answer; what takes longer is counted as a failed judgement."""
