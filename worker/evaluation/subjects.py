"""What a run is evaluated on: the held-out splits of its data set, and the control."""

from collections.abc import Sequence
from pathlib import Path

from backend.contract.config import EvaluationSettings
from backend.contract.errors import InvalidInputError
from backend.contract.messages import AnswerRecord
from worker.data.datasets import load_split
from worker.evaluation.control import permute_pictures
from worker.evaluation.evaluate import deciding_accuracy, evaluate
from worker.evaluation.types import Examiner, Scheme, Subject
from worker.journal import Journal, Stopwatch

EVALUATED_SPLITS = ("validation", "test")


def load_subjects(dataset: Path) -> list[Subject]:
    """The held-out splits that a data set has.

    Args:
        dataset: `Home.dataset(slug)`.
    """
    there = [split for split in EVALUATED_SPLITS if (dataset / f"{split}.jsonl").exists()]
    return [subject_of(dataset, split) for split in there]


def subject_of(dataset: Path, split: str) -> Subject:
    """A split with its own pictures.

    Raises:
        NotFoundError: the data set has no such split.
        InvalidInputError: the split is empty.
    """
    items = load_split(dataset, split)
    if not items:
        raise InvalidInputError(
            f"data set {dataset.name!r}, split {split!r}: there is no problem to evaluate on"
        )
    return Subject(split=split, pictures="own", items=items)


def control_subjects(cfg: EvaluationSettings, subjects: Sequence[Subject]) -> list[Subject]:
    """Validation with permuted pictures, when it is asked for."""
    if not cfg.permuted_control:
        return []
    return [
        Subject(split=s.split, pictures="permuted", items=permute_pictures(s.items))
        for s in subjects
        if s.split == "validation"
    ]


def evaluate_subjects(
    examiner: Examiner, subjects: Sequence[Subject], scheme: Scheme, journal: Journal
) -> None:
    """Evaluate the present policy; tell every answer and, subject by subject, what was found."""
    watch = Stopwatch()
    for subject in subjects:

        def report(done: int, answers: Sequence[AnswerRecord], subject: Subject = subject) -> None:
            journal.tell_answers(answers)
            journal.progress(f"evaluating: {subject.title}, {done} of {len(subject.items)}")

        metrics = evaluate(
            examiner, subject, scheme, rl_step=journal.counters.rl_step, report=report
        )
        journal.log_metrics(metrics)
        accuracy = deciding_accuracy(subject, scheme.evaluation, metrics)
        if accuracy is not None:
            journal.note_accuracy(accuracy)
    watch.lap("evaluation")
    journal.log_metrics({"health/evaluation_s": watch.laps["evaluation"]})
