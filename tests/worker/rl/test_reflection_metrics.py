"""Reflection is counted over all responses of a step, however many devices drew them."""

import json

import pytest

from tests.worker.parallel.together import run_together
from tests.worker.rl.conftest import make_run
from tests.worker.rl.interrupted import run_here
from tests.worker.rl.reflecting import SCRIPT
from tests.worker.rl.spooled import metrics, samples
from worker.evaluation.repetition import is_empty

RATIOS = {
    "reflection_ratio": 3 / 7,
    "reflection_ratio_in_correct_answers": 2 / 3,
    "reflection_ratio_in_incorrect_answers": 1 / 4,
    "correct_ratio_in_reflection_texts": 2 / 3,
    "correct_ratio_in_no_reflection_texts": 1 / 4,
}
COUNTS = {
    "num_responses": 7,
    "num_reflective": 3,
    "num_correct": 3,
    "num_reflective_correct": 2,
}


@pytest.mark.parametrize("count", [1, 2])
def test_counts_and_ratios_of_a_step_that_is_known_are_exact_on_every_device(
    count, tiny_folder, tmp_path
):
    done = run_together(count, "tests.worker.rl.reflecting", str(tiny_folder), str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == count
    for found in lines:
        step = found["step"]
        words = {key: value for key, value in step.items() if "word_count" in key}
        assert len(words) == 15
        assert {key: value for key, value in words.items() if value} == {
            "reflection/word_count{word=wait}": 6,
            "reflection/word_count{word=verify}": 3,
        }
        rest = {key: value for key, value in step.items() if key not in words}
        assert rest == {f"reflection/{name}": value for name, value in (RATIOS | COUNTS).items()}
        labels = "{k=1,pictures=own,split=test,temperature=1.0}"
        for name, value in (RATIOS | COUNTS | {"accuracy": 3 / 7}).items():
            assert found["evaluation"][f"evaluation/{name}{labels}"] == value
        # What one device has kept, all of them find.
        assert found["again"] == found["evaluation"]
        assert found["asked in again"] == 0
    assert sum(found["asked in evaluation"] for found in lines) == len(SCRIPT)


def test_every_step_of_a_run_logs_them_and_leaves_a_gap_where_nothing_is_counted(home, monkeypatch):
    # Words that the random model's vocabulary is full of, and one that it cannot say.
    folder = make_run(
        home, reflection={"words": ["e", "no such word at all"], "match": "substring"}
    )
    run_here(home, folder, 1, monkeypatch)
    logged = metrics(folder)
    by_step = {step: [s for s in samples(folder) if s.rl_step == step] for step in (1, 2, 3, 4)}
    for step, responses in by_step.items():
        reflective = [s for s in responses if "e" in s.response.lower()]
        right = [s for s in reflective if s.is_correct]
        assert logged[step, "reflection/num_responses"] == len(responses) == 4
        assert logged[step, "reflection/num_reflective"] == len(reflective)
        assert logged[step, "reflection/word_count{word=e}"] == sum(
            s.response.lower().count("e") for s in responses
        )
        assert logged[step, "reflection/word_count{word=no such word at all}"] == 0
        ratio = (step, "reflection/correct_ratio_in_reflection_texts")
        assert logged.get(ratio) == (len(right) / len(reflective) if reflective else None)
        share = sum(is_empty(s.response) for s in responses) / 4
        assert logged[step, "response/empty_frac"] == share
        assert logged[step, "response/repeating_frac"] == 0.0
