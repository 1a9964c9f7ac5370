"""McNemar's exact test against hand-computed tails, the paired bootstrap against theory."""

import math

import numpy as np
import pytest

from backend.analysis.pairs import mcnemar_exact, paired_difference


@pytest.mark.parametrize(
    ("num_gained", "num_lost", "expected"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (5, 0, 2 / 2**5),
        # P(X <= 1) of 10 fair coins is (1 + 10) / 1024, twice.
        (9, 1, 22 / 1024),
        (1, 9, 22 / 1024),
    ],
)
def test_mcnemar_counts_the_tails_of_fair_coins(
    num_gained: int, num_lost: int, expected: float
) -> None:
    assert mcnemar_exact(num_gained, num_lost) == pytest.approx(expected)


def test_the_interval_is_that_of_theory_for_many_problems() -> None:
    # 60 gained, 30 lost of 300: the variance of a difference is (90 - 30^2 / 300) / 300.
    first = [0] * 60 + [1] * 30 + [1] * 100 + [0] * 110
    second = [1] * 60 + [0] * 30 + [1] * 100 + [0] * 110
    found = paired_difference(first, second)
    half = 1.96 * math.sqrt((90 - 30**2 / 300) / 300 / 300)
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 - half, abs=0.005)
    assert found.high == pytest.approx(0.1 + half, abs=0.005)


def test_pairing_is_narrower_than_two_shares_on_their_own() -> None:
    first = [1] * 50 + [0] * 50
    second = [1] * 55 + [0] * 45
    found = paired_difference(first, second)
    unpaired = 1.96 * math.sqrt(0.25 / 100 + 0.55 * 0.45 / 100)
    assert found.high - found.low < unpaired


def test_the_same_answers_give_the_same_interval_and_order_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random(80), rng.random(80)
    found = paired_difference(first.tolist(), second.tolist())
    turned = paired_difference(first[::-1].tolist(), second[::-1].tolist())
    assert (found.low, found.high) == (turned.low, turned.high)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    num_covered = 0
    for _ in range(400):
        draws = rng.choice([-1, 0, 1], size=150, p=[0.1, 0.7, 0.2])
        found = paired_difference(np.zeros(150).tolist(), draws.tolist())
        num_covered += found.low <= 0.1 <= found.high
    assert 0.92 <= num_covered / 400 <= 0.98


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(ValueError, match="1 problems of the first, but 2"):
        paired_difference([1], [1, 0])
    with pytest.raises(ValueError, match="at least one"):
        paired_difference([], [])
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)
