"""Down-sampling keeps what a reader must see."""

import math
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.api.services.downsampling import downsample


@dataclass(frozen=True)
class Point:
    rl_step: int
    value: float


VALUES = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=300)


@settings(max_examples=150, deadline=None)
@given(values=VALUES, max_points=st.integers(2, 60))
def test_extremes_ends_and_kinds_of_non_finite_values_survive(
    values: list[float], max_points: int
) -> None:
    points = [Point(i, value) for i, value in enumerate(values)]
    kept = downsample(points, max_points)
    assert len(kept) <= max_points
    steps = [point.rl_step for point in kept]
    assert steps == sorted(set(steps))
    assert all(point is points[point.rl_step] for point in kept)
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
    finite = [value for value in values if math.isfinite(value)]
    # Two ends, two extremes and three kinds of non-finite values fit into seven points.
    if max_points < 7:
        return
    kept_values = [point.value for point in kept]
    if finite:
        assert min(finite) in kept_values
        assert max(finite) in kept_values
    for kind in ("nan", "inf", "-inf"):
        is_there = kind in map(str, values)
        assert (kind in map(str, kept_values)) == is_there


def test_each_bucket_keeps_its_own_minimum_and_maximum() -> None:
    points = [Point(i, float((i * 37) % 101)) for i in range(1002)]
    kept = {point.rl_step for point in downsample(points, 22)}
    for bucket in range(10):
        inner = points[1 + bucket * 100 : 1 + (bucket + 1) * 100]
        chosen = [point.value for point in inner if point.rl_step in kept]
        assert min(chosen) == min(point.value for point in inner)
        assert max(chosen) == max(point.value for point in inner)
