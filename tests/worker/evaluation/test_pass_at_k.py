import pytest

from worker.evaluation.pass_at_k import pass_any


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
