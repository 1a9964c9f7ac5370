"""Length: a linear penalty towards a token budget (L1, arXiv 2503.04697, Eq. 1)."""

MAX_PENALTY = 1.0
"""A deviation from L1, which has no limit: no length outweighs a right answer at equal weights."""


def length_reward(num_tokens: int, budget_tokens: int) -> float:
    """Minus the distance of a response's length from the budget, in budgets; in [-1, 0].

    L1 writes `-alpha * |budget - length|`: its alpha is `length_weight / length_budget_tokens`.

    >>> length_reward(150, 100), length_reward(100, 100), length_reward(900, 100)
    (-0.5, 0.0, -1.0)
    """
    distance = abs(budget_tokens - num_tokens) / budget_tokens
    return -min(distance, MAX_PENALTY) if distance else 0.0
