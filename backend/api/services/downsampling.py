"""Fewer points of a series that still show every peak."""

import math
from collections.abc import Sequence
from typing import Protocol, TypeVar


class Valued(Protocol):
    """Anything with a value."""

    @property
    def value(self) -> float:
        """The value; may be non-finite."""
        ...


P = TypeVar("P", bound=Valued)


def downsample(points: Sequence[P], max_points: int) -> list[P]:
    """At most max_points of the points, in their order.

    First and last are kept. The rest is cut into buckets of equal size; each keeps its minimum,
    its maximum and the first of each kind of non-finite value.

    Args:
        points: In order of rl_step.
        max_points: At least 2.
    """
    if len(points) <= max_points:
        return list(points)
    num_buckets = (max_points - 2) // 2
    while num_buckets > 0:
        chosen = _choose(points, num_buckets)
        if len(chosen) <= max_points:
            return [points[i] for i in chosen]
        # Non-finite values come on top of minimum and maximum: coarser buckets make room.
        num_buckets = min(num_buckets - 1, num_buckets * max_points // len(chosen))
    return [points[0], points[-1]]


def _choose(points: Sequence[Valued], num_buckets: int) -> list[int]:
    """Indices that are kept, in order."""
    num_inner = len(points) - 2
    chosen = {0, len(points) - 1}
    for bucket in range(num_buckets):
        start = 1 + bucket * num_inner // num_buckets
        stop = 1 + (bucket + 1) * num_inner // num_buckets
        chosen |= _choose_in_bucket(points, range(start, stop))
    return sorted(chosen)


def _choose_in_bucket(points: Sequence[Valued], bucket: range) -> set[int]:
    finite = [i for i in bucket if math.isfinite(points[i].value)]
    chosen: set[int] = set()
    if finite:
        chosen.add(min(finite, key=lambda i: points[i].value))
        chosen.add(max(finite, key=lambda i: points[i].value))
    if len(finite) < len(bucket):
        kinds = {str(points[i].value): i for i in reversed(bucket)}
        chosen.update(kinds[name] for name in ("nan", "inf", "-inf") if name in kinds)
    return chosen
