"""Share of problems solved by any of k responses (the paper's pass@k, Table 3)."""

from collections.abc import Sequence


def pass_any(num_correct_per_problem: Sequence[int]) -> float:
    """Share of problems with at least one right response: pass@k = mean of 1[c_i >= 1].

    The paper's pass@k with k responses drawn; with k = 1 it is the accuracy.

    Args:
        num_correct_per_problem: [problems] right responses among the k drawn for each problem.

    Raises:
        ValueError: There is no problem, or a count is negative.

    >>> pass_any([0, 3, 1, 0])
    0.5
    """
    if not num_correct_per_problem:
        raise ValueError("pass@k of no problems: at least one problem is needed")
    if min(num_correct_per_problem) < 0:
        raise ValueError(f"right responses must be >= 0, got {min(num_correct_per_problem)}")
    num_solved = sum(num_correct > 0 for num_correct in num_correct_per_problem)
    return num_solved / len(num_correct_per_problem)
