"""Loops are found at the end of a response, whatever their period, and honest texts are not."""

import json
from pathlib import Path

import pytest

from worker.evaluation.repetition import LOOKED_AT_CHARS, is_empty, is_repeating

LOOPING = {"mathv_qwen_vl_max_cot_1099", "mathv_qwen_vl_max_cot_2099", "mathv_qwen_vl_max_cot_2476"}
"""Read by eye: each ends in one sentence or term over and over."""


@pytest.mark.parametrize(
    "text",
    [
        "x" * 40,
        "First I add. " + "Let me check again. " * 4,
        "So. " + "Wait, 3 + 4 is 7.\n\n" * 6 + "Wait, 3 +",  # cut off in a stretch
        "1, 2, 3, " * 10,
        "等等让我再检查一遍这个答案。" * 5,
        "a" + "bcdefghij " * 1000,
        "".join(chr(97 + i % 26) + str(i) for i in range(60)) * 5,  # a long stretch
    ],
)
def test_a_loop_is_found(text: str):
    assert is_repeating(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 39,
        "no, no, no",
        "Let me check again. " * 3,
        "Let me check again. " * 9 + "It is 7, so the answer is \\boxed{7}.",
        " ".join(str(i * i) for i in range(300)),
        "\n" * 500,
    ],
)
def test_an_honest_text_is_none(text: str):
    assert not is_repeating(text)


def test_a_stretch_longer_than_a_quarter_of_what_is_looked_at_is_none():
    stretch = " ".join(str(i * i) for i in range(LOOKED_AT_CHARS))[: LOOKED_AT_CHARS // 2]
    assert not is_repeating(stretch * 8)


def test_of_1037_real_outputs_the_three_that_loop_are_found(test_data: Path):
    rows = [
        json.loads(line)
        for path in sorted((test_data / "rollouts").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    looping = {row["id"] for row in rows if is_repeating(row["response"])}
    assert looping == LOOPING


def test_spaces_alone_are_empty():
    assert is_empty(" \n\t")
    assert not is_empty(" .")
