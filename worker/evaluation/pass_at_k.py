"""What k responses to each problem say of the policy: any, some or most of them right."""

from collections import Counter
from collections.abc import Sequence
from math import comb


def pass_any(num_correct_per_problem: Sequence[int]) -> float:
    """Share of problems with at least one right response: pass@k = mean of 1[c_i >= 1].

    The paper's pass@k with k responses drawn (Table 3); with k = 1 it is the accuracy.

    Args:
        num_correct_per_problem: [problems] right responses among the k drawn for each problem.

    Raises:
        ValueError: There is no problem, or a count is negative.

    >>> pass_any([0, 3, 1, 0])
    0.5
    """
    _check(num_correct_per_problem)
    num_solved = sum(num_correct > 0 for num_correct in num_correct_per_problem)
    return num_solved / len(num_correct_per_problem)


def pass_at(num_correct_per_problem: Sequence[int], *, num_samples: int, at: int) -> float:
    """Unbiased pass@k (arXiv 2107.03374, Eq. 1): mean of 1 - C(n - c_i, at) / C(n, at).

    Args:
        num_correct_per_problem: [problems] right responses among the n drawn for each problem.
        num_samples: n.
        at: The k of pass@k, at most n.

    Raises:
        ValueError: There is no problem, a count is not within 0..n, or `at` not within 1..n.

    >>> pass_at([1, 0], num_samples=2, at=1)
    0.25
    """
    _check(num_correct_per_problem)
    if max(num_correct_per_problem) > num_samples:
        raise ValueError(f"{max(num_correct_per_problem)} of {num_samples} responses are right")
    if not 1 <= at <= num_samples:
        raise ValueError(f"pass@{at} of {num_samples} responses: at must be 1 to {num_samples}")
    # Integers until the last division, so that nothing is rounded on the way.
    choices = comb(num_samples, at) * len(num_correct_per_problem)
    failing = sum(comb(num_samples - c, at) for c in num_correct_per_problem)
    return (choices - failing) / choices


def default_at(num_samples: int) -> list[int]:
    """1, 2, 4, ... up to the number of responses.

    >>> default_at(8), default_at(6)
    ([1, 2, 4, 8], [1, 2, 4])
    """
    return [2**power for power in range(num_samples.bit_length())]


def majority_is_correct(votes: Sequence[tuple[str | None, bool]]) -> bool:
    """Whether the commonest answer to one problem is right.

    Args:
        votes: Extracted answer and verdict of each response, in order. Answers are equal when
            their texts are, but for spaces; None does not vote. Of equally common answers the
            earliest wins.

    >>> majority_is_correct([("2", False), ("1", True), ("1", True), (None, False)])
    True
    """
    cast = [("".join(answer.split()), verdict) for answer, verdict in votes if answer is not None]
    if not cast:
        return False
    # A dictionary keeps the order in which answers came first, and max takes the first maximum.
    counts = Counter(answer for answer, _ in cast)
    winner = max(counts, key=counts.__getitem__)
    return next(verdict for answer, verdict in cast if answer == winner)


def _check(num_correct_per_problem: Sequence[int]) -> None:
    if not num_correct_per_problem:
        raise ValueError("pass@k of no problems: at least one problem is needed")
    if min(num_correct_per_problem) < 0:
        raise ValueError(f"right responses must be >= 0, got {min(num_correct_per_problem)}")
