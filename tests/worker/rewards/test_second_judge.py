"""The second judge: text and fractions after normalisation, and nothing else."""

import time

import pytest

from worker.rewards.second_judge import finds_equal


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (r"x = \dfrac12", "0.5"),
        (r"\left(1, 2\right)", "(1,2)"),
        (r"20^{\circ}", "20"),
        (r"20\text{ cm}^2", "20"),
        ("1,000", "1000.0"),
        (r"-\frac{3}{4}", "-0.75"),
        ("10:18", "5/9"),
        (r"\text{True}", "true"),
        (r"\sqrt2", r"\sqrt{2}"),
        (r"50\%", "50"),
    ],
)
def test_what_it_finds_equal(answer: str, gold: str):
    assert finds_equal(answer, gold)


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (r"6\sqrt{17}", r"\sqrt{612}"),
        ("20", "21"),
        ("1/0", "2/0"),
        ("1e400000000", "1"),
        ("(1,2)", "(2,1)"),
        ("1,2", "12"),
    ],
)
def test_what_it_does_not(answer: str, gold: str):
    assert not finds_equal(answer, gold)


@pytest.mark.parametrize(
    "text", ["9" * 10**6, r"\text{" * 10**5, "{" * 10**6, "1," * 10**5, "^" * 400]
)
def test_it_cannot_be_kept_busy(text: str):
    start = time.process_time()
    assert not finds_equal(text, "1")
    assert time.process_time() - start < 1.0
