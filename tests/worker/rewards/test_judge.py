import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from worker.rewards.child_process import Failure
from worker.rewards.judge import Judge, Verdict

HANGS_OR_CRASHES = """
import json, os, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["prediction"].startswith("hang"):
        time.sleep(1000)
    if request["prediction"] == "crash":
        os.abort()
    is_equal = request["prediction"] == request["gold"]
    print(json.dumps({"is_equal": is_equal, "has_raised": False}), flush=True)
"""

RIGHT = [
    ("20", "20"),
    (r"20^\circ", "20"),
    ("20", r"20^\circ"),
    ("20\N{DEGREE SIGN}", "20"),
    ("20 cm", "20"),
    (r"20\text{ cm}", "20"),
    (r"20 \mathrm{~cm}^2", "20"),
    ("AD = 20", "20"),
    (r"x = 20^\circ", "20"),
    (r"\frac12", "0.5"),
    (r"50\%", "0.5"),
    (r"\frac59", "5:9"),
    ("5/9", "5:9"),
    ("10:18", "5:9"),
    (r"6\sqrt{17}", r"\sqrt{612}"),
    (r"\$5", "5"),
    ("1,000", "1000"),
    ("0.333333", r"\frac{1}{3}"),
    ("not enough information", "not enough information"),
    (r"\text{Not enough information}", "not enough information"),
    (r"\text{True}", "true"),
    (r"\text{B}", "B"),
]
WRONG = [
    ("20^2", r"20^\circ"),
    ("20.004", "20"),
    ("20.0000001", "20"),
    ("11.04", "11"),
    ("24.74", r"\sqrt{612}"),
    ("0.333", r"\frac{1}{3}"),
    ("-5", "5"),
    ("21", "20"),
    (r"20\pi", "20"),
    ("x = 3 or x = 20", "20"),
    ("20, 7", "20"),
    ("20cm^2", "20"),
    ("three", "3"),
    ("enough not information", "not enough information"),
    ("false", "true"),
    ("", ""),
    (" ", " "),
    ("", "20"),
]


@pytest.mark.parametrize(("answer", "gold"), RIGHT)
def test_an_answer_that_means_the_gold_answer_is_right(judge: Judge, answer: str, gold: str):
    verdicts = judge.verdicts([(f"So \\boxed{{{answer}}}.", gold)])
    assert [(v.is_correct, v.extracted_answer, v.failure) for v in verdicts] == [
        (True, answer, None)
    ]


@pytest.mark.parametrize(("answer", "gold"), WRONG)
def test_an_answer_that_means_something_else_is_wrong(judge: Judge, answer: str, gold: str):
    verdict = judge.verdicts([(f"So \\boxed{{{answer}}}.", gold)])[0]
    assert not verdict.is_correct
    assert verdict.failure is None


@pytest.mark.parametrize(
    ("response", "gold", "is_correct", "answer"),
    [
        (r"\boxed{20} and \boxed{7}", "7", True, "7"),
        (r"\boxed{20} and \boxed{7}", "20", False, "7"),
        ("The final boxed answer is 20", "20", False, None),
        ("The answer is 20.", "20", False, None),
        ("", "", False, None),
        ("", "20", False, None),
        (r"\boxed{}", "20", False, ""),
    ],
)
def test_only_the_last_box_is_judged(
    judge: Judge, response: str, gold: str, is_correct: bool, answer: str | None
):
    assert judge.verdicts([(response, gold)]) == [Verdict(is_correct, answer)]


def test_no_responses_have_no_verdicts(judge: Judge):
    assert judge.verdicts([]) == []


def test_a_batch_larger_than_every_pipe_keeps_its_order(judge: Judge):
    answers = [f"{number} {'padding ' * 40}" for number in range(5000)]
    responses = [(f"\\boxed{{{answer}}}", answer) for answer in answers]
    responses += [(f"\\boxed{{{number}}}", "7") for number in range(5000)]
    verdicts = judge.verdicts(responses)
    right = [index for index, verdict in enumerate(verdicts) if verdict.is_correct]
    assert right == [*range(5000), 5007]


def test_text_beyond_the_cap_is_right_only_when_it_is_equal(judge: Judge):
    long = "1+" * 10_000 + "1"
    verdicts = judge.verdicts([(f"\\boxed{{{long}}}", long), (f"\\boxed{{{long}}}", "10001")])
    assert [verdict.is_correct for verdict in verdicts] == [True, False]
    assert not any(verdict.failure for verdict in verdicts)


def test_text_that_json_must_escape_reaches_the_child(judge: Judge):
    answer = 'a"\n\\quad \u2028 \ud83d\ude00'
    assert judge.verdicts([(f"\\boxed{{{answer}}}", answer)])[0].is_correct


def test_an_answer_that_hangs_math_verify_is_counted_and_costs_no_other_verdict():
    tower = "9^{9^{9^{9^{9}}}}"
    responses = [(r"\boxed{1}", "1"), (f"\\boxed{{{tower}}}", "3"), (r"\boxed{\frac12}", "0.5")]
    with Judge(timeout_s=2.0) as judge:
        verdicts = judge.verdicts([*responses, *responses])
    assert verdicts[:3] == [
        Verdict(True, "1"),
        Verdict(False, tower, Failure.HUNG),
        Verdict(True, r"\frac12"),
    ]
    assert verdicts[3:] == verdicts[:3]


@pytest.mark.parametrize("num_workers", [1, 2, 3])
def test_hangs_and_crashes_are_told_apart_and_cost_no_other_verdict(num_workers: int):
    command = [sys.executable, "-c", HANGS_OR_CRASHES]
    texts = ["7", "hang", "8", "crash", *(str(number) for number in range(100)), "hang 2", "7 "]
    responses = [(f"\\boxed{{{text}}}", "7") for text in texts]
    with Judge(timeout_s=0.2, num_workers=num_workers, command=command) as judge:
        verdicts = judge.verdicts(responses)
        again = judge.verdicts([(r"\boxed{7}", "7"), (r"\boxed{crash}", "7")])
    failures = {verdict.extracted_answer: verdict.failure for verdict in verdicts}
    assert {answer: why for answer, why in failures.items() if why} == {
        "hang": Failure.HUNG,
        "crash": Failure.CRASHED,
        "hang 2": Failure.HUNG,
    }
    right = [index for index, verdict in enumerate(verdicts) if verdict.is_correct]
    assert right == [0, 4 + 7, len(texts) - 1]
    assert [(v.is_correct, v.failure) for v in again] == [(True, None), (False, "crashed")]


def test_verdicts_do_not_depend_on_the_number_of_workers(judge: Judge):
    responses = [(f"\\boxed{{{answer}}}", gold) for answer, gold in (*RIGHT, *WRONG)] * 2
    with Judge(timeout_s=30.0, num_workers=3) as several:
        assert several.verdicts(responses) == judge.verdicts(responses)


def test_a_process_that_was_killed_while_it_had_nothing_to_do_fails_nobody():
    command = [sys.executable, "-c", HANGS_OR_CRASHES]
    with Judge(timeout_s=5.0, command=command) as judge:
        assert judge.verdicts([(r"\boxed{7}", "7")])[0].is_correct
        mine = psutil.Process().children()
        child = next(process for process in mine if HANGS_OR_CRASHES in process.cmdline())
        child.kill()
        child.wait()
        assert judge.verdicts([(r"\boxed{8}", "8")])[0].is_correct


def test_a_dispute_between_the_judges_is_noted_and_the_first_one_decides(judge: Judge):
    verdicts = judge.verdicts(
        [(r"\boxed{6\sqrt{17}}", r"\sqrt{612}"), (r"\boxed{x=4}", "4"), (r"\boxed{5}", "4")]
    )
    assert [(v.is_correct, v.is_disputed) for v in verdicts] == [
        (True, True),
        (True, False),
        (False, False),
    ]


def test_a_child_that_never_starts_is_an_error_and_no_verdict():
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    with (
        Judge(timeout_s=1.0, command=command) as judge,
        pytest.raises(RuntimeError, match="exit status 3"),
    ):
        judge.verdicts([(r"\boxed{7}", "7")])


def test_an_answer_whose_comparison_raises_is_counted(judge: Judge):
    assert judge.verdicts([(r"\boxed{1:00}", "$12:00$")]) == [
        Verdict(False, "1:00", Failure.RAISED)
    ]


def test_the_child_loads_no_torch():
    program = (
        "import sys, worker.rewards.judge_process as process;"
        "print(sorted({'torch', 'transformers', 'pickle'} & set(process.__dict__)),"
        "'torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert output.split() == ["[]", "False"]
