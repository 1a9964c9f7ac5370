"""Metrics by hand, and chunks of judged answers that are taken up where they are right."""

import json

import pytest

from backend.contract.config import DecodingSetting, EvaluationSettings
from tests.worker.evaluation.answered import Evaluation
from worker.evaluation import evaluate as evaluating

SETTINGS = EvaluationSettings(
    decoding=(
        DecodingSetting(k=4, temperature=1.0),
        DecodingSetting(k=1, temperature=0.01, top_p=0.001),
    )
)
LOOP = "So. " + "Let me check again. " * 4
SCRIPT = {
    # right answers are [1]
    "a": ["[2]", "Wait, wait: [1]", "[1]", "[3]"],
    "b": ["", LOOP, "[2] verify", "[2]"],
    "c": ["[1]", "[1]", "[1]", "[1]"],
}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "ITEMS_AT_A_TIME", 2)


def of_setting(metrics: dict[str, float], k: int, temperature: float) -> dict[str, float]:
    """Name (and `at`) to value at one setting."""
    labels = f"k={k},pictures=own,split=validation,temperature={temperature}}}"
    found = {key: value for key, value in metrics.items() if key.endswith(labels)}
    return {
        key.removesuffix(labels).removeprefix("evaluation/").rstrip("{,"): value
        for key, value in found.items()
    }


def test_every_metric_of_three_problems_is_as_counted_by_hand(tmp_path):
    evaluation = Evaluation(tmp_path, SCRIPT, SETTINGS)
    metrics = evaluation.run()
    assert of_setting(metrics, 4, 1.0) == pytest.approx(
        {
            "accuracy": 2 / 3,
            "pass_at{at=1": (1 - 2 / 4 + 0 + 1) / 3,
            "pass_at{at=2": (1 - 1 / 6 + 0 + 1) / 3,
            "pass_at{at=4": 2 / 3,
            "mean_at_k": 6 / 12,
            "majority_at_k": 2 / 3,
            "num_tokens": sum(len(text) for texts in SCRIPT.values() for text in texts) / 12,
            "truncated_frac": 1 / 12,
            "empty_frac": 1 / 12,
            "repeating_frac": 1 / 12,
            "judge_failed_frac": 0.0,
            "num_responses": 12,
            "num_reflective": 3,
            "num_correct": 6,
            "num_reflective_correct": 1,
            "reflection_ratio": 3 / 12,
            "reflection_ratio_in_correct_answers": 1 / 6,
            "reflection_ratio_in_incorrect_answers": 2 / 6,
            "correct_ratio_in_reflection_texts": 1 / 3,
            "correct_ratio_in_no_reflection_texts": 5 / 9,
        }
    )
    single = of_setting(metrics, 1, 0.01)
    assert single["accuracy"] == single["pass_at{at=1"] == single["majority_at_k"] == 1 / 3
    # Nobody reflects at this setting: that ratio is a gap.
    assert "correct_ratio_in_reflection_texts" not in single
    assert evaluation.progress == [0, 2, 3]


def test_every_answer_is_told_with_its_place_and_what_was_found_in_it(tmp_path):
    evaluation = Evaluation(tmp_path, SCRIPT, SETTINGS)
    evaluation.run()
    places = {(r.k, r.item_id, r.sample): r for r in evaluation.told}
    assert len(places) == len(evaluation.told) == 3 * 5
    for (_, item_id, sample), record in places.items():
        assert record.response == SCRIPT[item_id][sample]
    record = places[4, "a", 1]
    assert (record.rl_step, record.split, record.pictures) == (3, "validation", "own")
    assert (record.is_correct, record.extracted_answer) == (True, "1")
    assert record.reflection == {"wait": 2}
    assert record.reward_parts == {"accuracy": 1.0, "language": 0.0}
    assert places[4, "b", 1].is_truncated


def test_only_the_wanted_pass_at_k_are_logged(tmp_path):
    settings = SETTINGS.model_copy(update={"pass_at": (3,)})
    metrics = Evaluation(tmp_path, SCRIPT, settings).run()
    assert [key for key in metrics if "pass_at" in key] == [
        "evaluation/pass_at{at=3,k=4,pictures=own,split=validation,temperature=1.0}"
    ]


def test_an_evaluation_that_was_done_is_told_again_and_neither_asks_nor_judges(tmp_path):
    first, second = (Evaluation(tmp_path, SCRIPT, SETTINGS) for _ in range(2))
    assert first.run() == second.run()
    assert first.told == second.told
    assert (len(first.engine.asked), len(first.judge.asked)) == (3, 15)
    assert (second.engine.asked, second.judge.asked) == ([], [])


@pytest.mark.parametrize(
    "change", [{"weights": "other"}, {"identity": "other"}], ids=["weights", "settings"]
)
def test_answers_of_other_weights_or_settings_are_made_anew(tmp_path, change):
    Evaluation(tmp_path, SCRIPT, SETTINGS).run()
    other = Evaluation(tmp_path, SCRIPT, SETTINGS, **change)
    other.run()
    assert len(other.judge.asked) == 15


def test_answers_of_another_step_are_made_anew(tmp_path):
    evaluation = Evaluation(tmp_path, SCRIPT, SETTINGS)
    evaluation.run(rl_step=3)
    evaluation.run(rl_step=4)
    assert len(evaluation.judge.asked) == 30


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def change_a_verdict(content: bytes) -> bytes:
    return content.replace(b'"is_correct":true', b'"is_correct":false', 1)


@pytest.mark.parametrize("damage", [cut, change_a_verdict, lambda _: b"", lambda _: b"\xff{}\n"])
def test_a_damaged_chunk_alone_is_made_anew(tmp_path, damage):
    straight = Evaluation(tmp_path, SCRIPT, SETTINGS)
    expected = straight.run()
    path = sorted(tmp_path.iterdir())[0]
    content = path.read_bytes()
    path.write_bytes(damage(content))
    again = Evaluation(tmp_path, SCRIPT, SETTINGS)
    assert again.run() == expected
    assert again.engine.asked == ["a", "b"]
    assert path.read_bytes() == content


def test_odd_signs_in_an_answer_survive_being_kept(tmp_path):
    script = {"a": ["line\u2028end\x85\r\n\x1c[1]", "\x00", "\U0001f600 √2", "]"]}
    expected = Evaluation(tmp_path, script, SETTINGS)
    expected.run()
    again = Evaluation(tmp_path, script, SETTINGS)
    again.run()
    assert again.engine.asked == []
    assert again.told == expected.told


def test_a_chunk_says_in_its_first_line_what_it_is_of(tmp_path):
    Evaluation(tmp_path, SCRIPT, SETTINGS).run()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"step-00000003.validation.own.{start:08d}.jsonl" for start in (0, 2)]
    lines = (tmp_path / names[0]).read_text().splitlines()
    assert json.loads(lines[0]).keys() == {"key", "sha256"}
    assert len(lines) == 1 + 2 * 5


def test_what_lies_behind_a_checkpoint_is_forgotten(tmp_path):
    evaluation = Evaluation(tmp_path, SCRIPT, SETTINGS)
    evaluation.run(rl_step=3)
    evaluation.run(rl_step=4)
    evaluation.examiner.store.forget(3)
    assert {path.name[:13] for path in tmp_path.iterdir()} == {"step-00000004"}
