"""The metric keys that figures and findings read, and what the paper calls them."""

import re

from backend.contract.config import PAPER_REFLECTION_WORDS
from backend.contract.metrics import metric_key

EPOCH_ACCURACY = metric_key("training/epoch_accuracy")
RESPONSE_LENGTH = metric_key("response/num_tokens")
REFLECTION_RATIO = metric_key("reflection/reflection_ratio")
REFLECTION_IN_CORRECT = metric_key("reflection/reflection_ratio_in_correct_answers")
REFLECTION_IN_INCORRECT = metric_key("reflection/reflection_ratio_in_incorrect_answers")
CORRECT_IN_REFLECTION = metric_key("reflection/correct_ratio_in_reflection_texts")
CORRECT_IN_NO_REFLECTION = metric_key("reflection/correct_ratio_in_no_reflection_texts")

NUM_RESPONSES = metric_key("reflection/num_responses")
NUM_REFLECTIVE = metric_key("reflection/num_reflective")
NUM_CORRECT = metric_key("reflection/num_correct")
NUM_REFLECTIVE_CORRECT = metric_key("reflection/num_reflective_correct")

PUBLISHED_NAMES = {
    EPOCH_ACCURACY: "training_accuracy",
    RESPONSE_LENGTH: "response_length",
    REFLECTION_RATIO: "reflection_ratio",
    REFLECTION_IN_CORRECT: "reflection_ratio_in_correct_answers",
    REFLECTION_IN_INCORRECT: "reflection_ratio_in_incorrect_answers",
    CORRECT_IN_REFLECTION: "correct_ratio_in_reflection_texts",
    CORRECT_IN_NO_REFLECTION: "correct_ratio_in_no_reflection_texts",
}
"""Metric key to the name of the paper's curve."""

_WORD_KEY = re.compile(r"^reflection/word_count\{word=(?P<word>[^{}]*)\}$")


def word_key(word: str) -> str:
    """Metric key of a reflection word's count."""
    return f"reflection/word_count{{word={word}}}"


def word_of_key(key: str) -> str | None:
    """The reflection word whose count the key is; None for other keys."""
    match = _WORD_KEY.match(key)
    return match["word"] if match else None


def published_name(key: str) -> str | None:
    """Name of the paper's curve of the same quantity; None where it has none."""
    word = word_of_key(key)
    if word is not None:
        return f"count:{word}" if word in PAPER_REFLECTION_WORDS else None
    return PUBLISHED_NAMES.get(key)
