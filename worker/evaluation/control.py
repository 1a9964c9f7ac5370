"""The permuted-picture control: does an answer need its own picture?"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from backend.contract.datasets import Item


def permute_pictures(items: Sequence[Item]) -> list[Item]:
    """The same problems, each with the picture of another problem of its category.

    Within a category the pictures move on by one place in a shuffled order, so that no problem of
    a category of two or more keeps its own. The order is the same for every run, so that runs
    with different seeds share one control.
    """
    generator = np.random.Generator(np.random.Philox(key=0))
    groups: dict[str | None, list[int]] = defaultdict(list)
    for index, item in enumerate(items):
        if item.image is not None:
            groups[item.category].append(index)
    permuted = list(items)
    for _, group in sorted(groups.items(), key=lambda pair: str(pair[0])):
        order = [group[i] for i in generator.permutation(len(group))]
        for index, source in zip(order, order[1:] + order[:1], strict=True):
            permuted[index] = items[index].model_copy(update={"image": items[source].image})
    return permuted
