"""Language: a small penalty for answering in Chinese characters (MAYE, rewards.py)."""

import re

WEIGHT = -0.1
_CJK_IDEOGRAPHS = re.compile("[\u4e00-\u9fff]")


def language_reward(response: str) -> float:
    r"""-0.1 times the share of characters in U+4E00 to U+9FFF, in [-0.1, 0]; 0 for no text.

    >>> language_reward("ab\u7b54\u6848"), language_reward("")
    (-0.05, 0.0)
    """
    if not response:
        return 0.0
    num_ideographs = len(_CJK_IDEOGRAPHS.findall(response))
    return WEIGHT * num_ideographs / len(response) if num_ideographs else 0.0
