"""Accuracy: 1 for a right answer (paper, section 3.3)."""

from worker.rewards.judge import Verdict


def accuracy_reward(verdict: Verdict) -> float:
    """1.0 when the judge finds the answer right, else 0.0."""
    return float(verdict.is_correct)
