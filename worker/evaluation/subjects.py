"""What a run is evaluated on: the held-out splits of its data set, and the control."""

from collections.abc import Sequence
from pathlib import Path

from backend.contract.config import EvaluationConfig
from worker.data.datasets import load_split
from worker.evaluation.control import permute_pictures
from worker.evaluation.evaluate import Examiner, Subject, deciding_accuracy, evaluate
from worker.journal import Journal, Stopwatch

EVALUATED_SPLITS = ("validation", "test")


def load_subjects(dataset: Path) -> list[Subject]:
    """The held-out splits that a data set has.

    Args:
        dataset: `Home.dataset(slug)`.
    """
    return [
        Subject(split=split, pictures="own", items=load_split(dataset, split))
        for split in EVALUATED_SPLITS
        if (dataset / f"{split}.jsonl").exists()
    ]


def control_subjects(cfg: EvaluationConfig, subjects: Sequence[Subject]) -> list[Subject]:
    """Validation with permuted pictures, when it is asked for."""
    if not cfg.permuted_control:
        return []
    return [
        Subject(split=s.split, pictures="permuted", items=permute_pictures(s.items))
        for s in subjects
        if s.split == "validation"
    ]


def evaluate_subjects(
    examiner: Examiner, subjects: Sequence[Subject], cfg: EvaluationConfig, journal: Journal
) -> None:
    """Evaluate the present policy and log what was found, subject by subject."""
    watch = Stopwatch()
    for subject in subjects:
        name = f"{subject.split}, pictures {subject.pictures}"

        def report(done: int, name: str = name, subject: Subject = subject) -> None:
            journal.progress(f"evaluating: {name}, {done} of {len(subject.items)}")

        metrics = evaluate(examiner, subject, cfg, rl_step=journal.counters.rl_step, report=report)
        journal.log_metrics(metrics)
        accuracy = deciding_accuracy(subject, cfg, metrics)
        if accuracy is not None:
            journal.note_accuracy(accuracy)
    watch.lap("evaluation")
    journal.log_metrics({"health/evaluation_s": watch.laps["evaluation"]})
