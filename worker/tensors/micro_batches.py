"""Splitting rows into micro-batches of a bounded padded size."""

from collections.abc import Sequence


def micro_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Row indices grouped so that rows x longest row stays within the budget.

    Rows are sorted by length, so that little is padded. A row longer than the budget is a group
    of its own: nothing is dropped.

    >>> micro_batches([3, 9, 4], max_tokens=8)
    [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
        if groups and (len(groups[-1]) + 1) * lengths[row] <= max_tokens:
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups
