"""The metrics of an evaluation, from its answers: all counts are pooled before they are divided."""

from collections.abc import Mapping, Sequence

from backend.contract.config import DecodingSetting, EvaluationSettings
from backend.contract.messages import AnswerRecord
from backend.contract.metrics import metric_key
from backend.contract.reflection import ReflectionCounts, count_reflection
from worker.evaluation.pass_at_k import default_at, majority_is_correct, pass_any, pass_at
from worker.evaluation.repetition import is_empty

Labels = dict[str, str | int | float]


def labels_of(split: str, pictures: str, setting: DecodingSetting) -> Labels:
    """The labels of a subject's metrics at a decoding setting."""
    return {
        "split": split,
        "pictures": pictures,
        "k": setting.k,
        "temperature": setting.temperature,
    }


def evaluation_metrics(
    answers: Sequence[AnswerRecord], labels: Labels, k: int, cfg: EvaluationSettings
) -> dict[str, float]:
    """Metrics of one subject at one decoding setting.

    Args:
        answers: All of them, problem by problem, k to each.
        labels: Of the metrics.
        k: Responses per problem.
        cfg: Says which pass@k are wanted.

    Returns:
        Metric key to value; a ratio with nothing to divide by is left out.
    """
    problems = [answers[start : start + k] for start in range(0, len(answers), k)]
    num_correct = [sum(answer.is_correct for answer in problem) for problem in problems]
    majorities = [
        majority_is_correct([(answer.extracted_answer, answer.is_correct) for answer in problem])
        for problem in problems
    ]
    values = {
        "accuracy": pass_any(num_correct),
        "mean_at_k": sum(num_correct) / len(answers),
        "majority_at_k": sum(majorities) / len(problems),
        "num_tokens": sum(answer.num_response_tokens for answer in answers) / len(answers),
        "truncated_frac": _share([answer.is_truncated for answer in answers]),
        "empty_frac": _share([is_empty(answer.response) for answer in answers]),
        "repeating_frac": _share([answer.is_repeating for answer in answers]),
        "judge_failed_frac": _share([answer.failure is not None for answer in answers]),
        **_reflection(answers),
    }
    unbiased = {
        metric_key("evaluation/pass_at", at=at, **labels): pass_at(
            num_correct, num_samples=k, at=at
        )
        for at in cfg.pass_at or default_at(k)
        if at <= k
    }
    return {
        metric_key(f"evaluation/{name}", **labels): value for name, value in values.items()
    } | unbiased


def reflection_metrics(counts: ReflectionCounts, words: Sequence[str]) -> dict[str, float]:
    """The reflection metrics of a training step.

    Args:
        counts: Over all of its responses.
        words: Those that are counted; one that does not occur has the count 0.
    """
    per_word = {
        metric_key("reflection/word_count", word=word): float(counts.words.get(word, 0))
        for word in words
    }
    return per_word | {f"reflection/{name}": v for name, v in _values(counts).items()}


def _reflection(answers: Sequence[AnswerRecord]) -> Mapping[str, float]:
    return _values(count_reflection((answer.reflection, answer.is_correct) for answer in answers))


def _values(counts: ReflectionCounts) -> dict[str, float]:
    """Counts, and the ratios that have something to divide by."""
    ratios = {name: ratio for name, ratio in counts.ratios().items() if ratio is not None}
    return {name: float(count) for name, count in counts.counts().items()} | ratios


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags)
