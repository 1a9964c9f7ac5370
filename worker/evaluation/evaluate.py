"""Evaluating a policy: generate, judge and count, at each decoding setting (paper, section 4.2)."""

from collections.abc import Callable, Mapping, Sequence

from backend.contract.config import EvaluationSettings
from backend.contract.messages import AnswerRecord
from backend.contract.metrics import metric_key
from worker.evaluation.answering import answer
from worker.evaluation.measures import evaluation_metrics, labels_of
from worker.evaluation.store import Chunk
from worker.evaluation.types import Examiner, Scheme, Subject

ITEMS_AT_A_TIME = 64
"""Problems answered, judged and kept together: bounds the memory of their pictures, and the work
that a killed evaluation loses."""


def evaluate(
    examiner: Examiner,
    subject: Subject,
    scheme: Scheme,
    *,
    rl_step: int,
    report: Callable[[int, Sequence[AnswerRecord]], None],
) -> dict[str, float]:
    """Answers to one subject, and the metrics of them.

    Args:
        examiner: Asks and decides.
        subject: The problems, at least one.
        scheme: What is asked and measured.
        rl_step: Step whose policy is evaluated; part of the random streams.
        report: Called with the number of problems done, and with the answers that came since.

    Returns:
        Metric key to value.
    """
    settings = scheme.evaluation.decoding
    found: list[list[AnswerRecord]] = [[] for _ in settings]
    report(0, ())
    for start in range(0, len(subject.items), ITEMS_AT_A_TIME):
        items = subject.items[start : start + ITEMS_AT_A_TIME]
        chunk = Chunk(
            rl_step=rl_step,
            split=subject.split,
            pictures=subject.pictures,
            start=start,
            item_ids=tuple(item.id for item in items),
        )
        answers = examiner.store.find(chunk, examiner.weights)
        if answers is None:
            answers = answer(examiner, subject, items, scheme, rl_step=rl_step)
            examiner.store.keep(chunk, examiner.weights, answers)
        report(start + len(items), answers)
        rows = iter(answers)
        for setting, of_setting in zip(settings, found, strict=True):
            of_setting += [next(rows) for _ in range(setting.k * len(items))]
    return {
        key: value
        for setting, of_setting in zip(settings, found, strict=True)
        for key, value in evaluation_metrics(
            of_setting,
            labels_of(subject.split, subject.pictures, setting),
            setting.k,
            scheme.evaluation,
        ).items()
    }


def deciding_accuracy(
    subject: Subject, cfg: EvaluationSettings, metrics: Mapping[str, float]
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
    labels = labels_of(subject.split, subject.pictures, cfg.decoding[-1])
    return metrics[metric_key("evaluation/accuracy", **labels)]
