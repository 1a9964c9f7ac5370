"""pass@k against counting every choice of responses; majority against elections by hand."""

from fractions import Fraction
from itertools import combinations

import pytest

from worker.evaluation.pass_at_k import majority_is_correct, pass_any, pass_at


@pytest.mark.parametrize(
    ("num_correct", "accuracy"),
    [
        ([0, 3, 1, 0], 2 / 4),
        ([0, 0, 0], 0.0),
        ([8, 8], 1.0),
        ([1, 0, 1, 1, 0], 3 / 5),
    ],
)
def test_a_problem_is_solved_when_any_response_is_right(num_correct: list[int], accuracy: float):
    assert pass_any(num_correct) == accuracy


def test_no_problems_have_no_accuracy():
    with pytest.raises(ValueError, match="no problems"):
        pass_any([])


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="-1"):
        pass_any([1, -1])


def share_of_choices(num_correct: int, num_samples: int, at: int) -> Fraction:
    """Share of all choices of `at` responses that hold a right one."""
    verdicts = [index < num_correct for index in range(num_samples)]
    choices = list(combinations(verdicts, at))
    return Fraction(sum(any(choice) for choice in choices), len(choices))


@pytest.mark.parametrize("num_samples", [1, 2, 5, 8])
def test_unbiased_pass_at_k_is_the_mean_over_every_choice_of_responses(num_samples: int):
    for at in range(1, num_samples + 1):
        for num_correct in range(num_samples + 1):
            expected = float(share_of_choices(num_correct, num_samples, at))
            got = pass_at([num_correct], num_samples=num_samples, at=at)
            assert got == pytest.approx(expected, abs=1e-15)
    counts = [0, 1, num_samples]
    expected = sum(share_of_choices(c, num_samples, 1) for c in counts) / 3
    got = pass_at(counts, num_samples=num_samples, at=1)
    assert got == pytest.approx(float(expected), abs=1e-15)


def test_with_all_responses_it_is_the_paper_s():
    counts = [0, 3, 1, 0, 8]
    assert pass_at(counts, num_samples=8, at=8) == pytest.approx(pass_any(counts), abs=1e-15)


@pytest.mark.parametrize(("counts", "at"), [([1], 3), ([1], 0), ([3], 1), ([], 1)])
def test_more_than_there_are_is_refused(counts: list[int], at: int):
    with pytest.raises(ValueError):
        pass_at(counts, num_samples=2, at=at)


@pytest.mark.parametrize(
    ("answers", "is_correct"),
    [
        (["1", "2", "2"], False),
        (["2", "1", "1"], True),
        (["1", "2"], True),  # a tie goes to the earlier
        (["2", "1", "1", "2"], False),
        ([None, None, "1", None], True),  # no answer, no vote
        ([None, "2", "1"], False),
        ([None, None], False),
        ([], False),
        (["2", "1 ", " 1"], True),  # spaces part no answers
        (["3", "2", "1", "1"], True),
    ],
)
def test_the_commonest_answer_decides(answers: list[str | None], is_correct: bool):
    votes = [(answer, answer is not None and answer.strip() == "1") for answer in answers]
    assert majority_is_correct(votes) is is_correct
