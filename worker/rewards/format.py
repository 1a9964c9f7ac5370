"""Format: one block of thoughts (MAYE, rewards.py; the paper leaves it out of the score)."""

import re

_THOUGHTS = re.compile("<think>.*?</think>", re.DOTALL)


def format_reward(response: str) -> float:
    r"""1.0 when the response holds exactly one <think>...</think>, else 0.0.

    >>> format_reward("<think>\nTwo and two.\n</think> \\boxed{4}")
    1.0
    >>> format_reward("<think></think><think></think>")
    0.0
    """
    return float(len(_THOUGHTS.findall(response)) == 1)
