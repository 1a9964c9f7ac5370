import pytest

from backend.contract.answers import last_boxed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{20} and \boxed{7}", "7"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{20}, so \boxed{2", "20"),
        (r"\boxed{x = \boxed{5}}", "5"),
        (r"\boxed{x = \boxed{5} + 1", "5"),
        (r"\boxed {5}", "5"),
        (r"\boxed{ 5 }", "5"),
        (r"\boxed{}", ""),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{ 3 \right.}", r"\left\{ 3 \right."),
        (r"} { \boxed{4}", "4"),
        (r"a \\\boxed{4}", "4"),
        ("\\\\boxed{4}", "4"),
        (r"\boxed 5", None),
        (r"\fbox{5}", None),
        ("The final boxed answer is 20", None),
        (r"\boxed{3", None),
        ("", None),
    ],
)
def test_the_last_balanced_box_is_the_answer(text: str, answer: str | None):
    assert last_boxed(text) == answer


@pytest.mark.timeout(10)
def test_a_text_full_of_open_boxes_is_read_in_linear_time():
    assert last_boxed("\\boxed{" * 100_000) is None
    assert last_boxed("\\boxed{" * 100_000 + "5" + "}" * 100_000) == "5"
