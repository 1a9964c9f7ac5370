"""Reflection words are counted as the paper's code counts them; ratios come from pooled counts."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.contract.config import PAPER_REFLECTION_WORDS, ReflectionConfig
from backend.contract.reflection import ReflectionCounts, count_reflection, count_words

PAPER = ReflectionConfig()


def test_real_model_outputs_hold_exactly_the_words_that_were_counted_in_them(test_data: Path):
    folder = test_data / "rollouts"
    words = json.loads((folder / "maye_reflection_words.json").read_text())["words"]
    assert tuple(words) == PAPER_REFLECTION_WORDS
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert len(rows) == 1037
    different = [
        row["id"] for row in rows if count_words(row["response"], PAPER) != row["reflection"]
    ]
    assert different == []


@pytest.mark.parametrize(
    ("text", "by_substring", "by_word"),
    [
        ("Wait. WAIT! await", {"wait": 3}, {"wait": 2}),
        ("re-evaluated, reevaluation", {"re-evaluate": 1, "reevaluation": 1}, {"reevaluation": 1}),
        ("not yet; yeti", {"yet": 2}, {"yet": 1}),
        ("check\nagain", {}, {}),
        ("", {}, {}),
    ],
)
def test_a_word_is_any_substring_or_stands_between_word_ends(text, by_substring, by_word):
    assert count_words(text, PAPER) == by_substring
    assert count_words(text, ReflectionConfig(match="word")) == by_word


def test_the_words_are_the_configuration_s():
    cfg = ReflectionConfig(words=("hmm", "c++"), match="word")
    assert count_words("Hmm, wait: C++ (hmm)", cfg) == {"hmm": 2, "c++": 1}


def test_a_word_that_would_break_its_metric_s_key_is_refused():
    with pytest.raises(ValidationError, match="braces, commas and equals"):
        ReflectionConfig(words=("wait, what",))


def test_the_five_ratios_of_counts_that_are_known():
    # 3 right that reflect, 1 right that does not, 2 wrong that reflect, 4 wrong that do not.
    responses = [({"wait": 2}, True)] * 3 + [({}, True)]
    responses += [({"wait": 1, "yet": 1}, False)] * 2 + [({}, False)] * 4
    counts = count_reflection(responses)
    assert counts.counts() == {
        "num_responses": 10,
        "num_reflective": 5,
        "num_correct": 4,
        "num_reflective_correct": 3,
    }
    assert counts.words == {"wait": 8, "yet": 2}
    assert counts.ratios() == {
        "reflection_ratio": 5 / 10,
        "reflection_ratio_in_correct_answers": 3 / 4,
        "reflection_ratio_in_incorrect_answers": 2 / 6,
        "correct_ratio_in_reflection_texts": 3 / 5,
        "correct_ratio_in_no_reflection_texts": 1 / 5,
    }


def test_a_ratio_without_a_denominator_is_a_gap():
    def ratios(n: int, ref: int, right: int, both: int) -> dict[str, float | None]:
        return ReflectionCounts(
            num_responses=n,
            num_reflective=ref,
            num_correct=right,
            num_reflective_correct=both,
        ).ratios()

    assert set(ratios(0, 0, 0, 0).values()) == {None}
    assert ratios(2, 0, 0, 0)["reflection_ratio_in_correct_answers"] is None
    assert ratios(2, 0, 0, 0)["correct_ratio_in_reflection_texts"] is None
    assert ratios(2, 2, 2, 2)["reflection_ratio_in_incorrect_answers"] is None
    assert ratios(2, 2, 2, 2)["correct_ratio_in_no_reflection_texts"] is None
