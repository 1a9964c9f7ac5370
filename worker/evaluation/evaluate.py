"""Evaluating a policy: generate, judge and count, at each decoding setting (paper, section 4.2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backend.contract.config import DecodingSetting, EvaluationConfig
from backend.contract.datasets import Item
from backend.contract.metrics import metric_key
from worker.evaluation.pass_at_k import pass_any
from worker.generation.engine import Decoding, Engine
from worker.rewards.judging import Judging
from worker.tensors.batches import Prompts, Responses

ITEMS_AT_A_TIME = 64
"""Problems encoded together: bounds the memory of their pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is evaluated: problems under a name."""

    split: str
    """validation or test."""
    pictures: str
    """own, or permuted among the problems (the control)."""
    items: Sequence[Item]
    """The problems."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examiner:
    """What asks and decides."""

    engine: Engine
    """Draws the responses."""
    judge: Judging
    """Decides them."""
    encode: Callable[[Sequence[Item]], Prompts]
    """Turns problems into prompts."""


@dataclass(kw_only=True, slots=True)
class _Counts:
    num_correct: list[int]
    num_truncated: int = 0
    num_failed: int = 0


def evaluate(
    examiner: Examiner,
    subject: Subject,
    cfg: EvaluationConfig,
    *,
    rl_step: int,
    report: Callable[[int], None],
) -> dict[str, float]:
    """Accuracy, truncation and failed judgements of one subject.

    Args:
        examiner: Asks and decides.
        subject: The problems.
        cfg: Decoding settings.
        rl_step: Step whose policy is evaluated; part of the random streams.
        report: Called with the number of problems done.

    Returns:
        Metric key to value.
    """
    counts = [_Counts(num_correct=[]) for _ in cfg.decoding]
    decodings = [
        Decoding(
            num_samples=setting.k,
            temperature=setting.temperature,
            top_p=setting.top_p,
            stream=f"{subject.split}/{subject.pictures}/{index}",
        )
        for index, setting in enumerate(cfg.decoding)
    ]
    for start in range(0, len(subject.items), ITEMS_AT_A_TIME):
        report(start)
        items = subject.items[start : start + ITEMS_AT_A_TIME]
        results = examiner.engine.generate(
            examiner.encode(items), decodings, rl_step=rl_step, max_tokens=cfg.max_response_tokens
        )
        for setting, responses, count in zip(cfg.decoding, results, counts, strict=True):
            _count(examiner.judge, items, setting, responses, count)
    return {
        key: value
        for setting, count in zip(cfg.decoding, counts, strict=True)
        for key, value in _metrics(subject, setting, count).items()
    }


def deciding_accuracy(
    subject: Subject, cfg: EvaluationConfig, metrics: Mapping[str, float]
) -> float | None:
    """What checkpoints are compared by: validation with its own pictures, last decoding setting.

    Args:
        subject: What was evaluated.
        cfg: Decoding settings.
        metrics: What `evaluate` found.

    Returns:
        The accuracy; None for any other subject.
    """
    if (subject.split, subject.pictures) != ("validation", "own"):
        return None
    return metrics[metric_key("evaluation/accuracy", **_labels(subject, cfg.decoding[-1]))]


def _count(
    judge: Judging,
    items: Sequence[Item],
    setting: DecodingSetting,
    responses: Responses,
    count: _Counts,
) -> None:
    golds = [item.answer for item in items for _ in range(setting.k)]
    verdicts = judge.verdicts(list(zip(responses.texts, golds, strict=True)))
    for start in range(0, len(verdicts), setting.k):
        group = verdicts[start : start + setting.k]
        count.num_correct.append(sum(verdict.is_correct for verdict in group))
    count.num_truncated += int((~responses.is_finished).sum())
    count.num_failed += sum(verdict.failure is not None for verdict in verdicts)


def _labels(subject: Subject, setting: DecodingSetting) -> dict[str, str | int | float]:
    return {
        "split": subject.split,
        "pictures": subject.pictures,
        "k": setting.k,
        "temperature": setting.temperature,
    }


def _metrics(subject: Subject, setting: DecodingSetting, count: _Counts) -> dict[str, float]:
    labels = _labels(subject, setting)
    num_responses = len(count.num_correct) * setting.k
    return {
        metric_key("evaluation/accuracy", **labels): pass_any(count.num_correct),
        metric_key("evaluation/truncated_frac", **labels): count.num_truncated / num_responses,
        metric_key("evaluation/judge_failed_frac", **labels): count.num_failed / num_responses,
    }
