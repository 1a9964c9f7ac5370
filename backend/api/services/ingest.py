"""Taking in what a trainer logged: one transaction, any number of times the same result."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.alarms import update_alarms
from backend.api.services.leases import load_owned
from backend.api.services.run_states import record_event
from backend.api.services.texts import clean_optional, clean_text
from backend.contract.errors import InvalidInputError
from backend.contract.messages import (
    AnswerRecord,
    CheckpointRecord,
    IngestBatch,
    LogChunk,
    NoticeRecord,
    ProgressRecord,
    SampleRecord,
    SpoolRecord,
    StepRecord,
)
from backend.contract.metrics import metric_of_key
from backend.contract.runs import RunStatus
from backend.database import tables
from backend.database.columns import MAX_INTEGER, split_float, upsert
from backend.database.session import STREAM_COUNTER, raise_counter
from backend.database.tables import (
    Answer,
    Checkpoint,
    Evaluation,
    MetricPoint,
    RLStep,
    Run,
    Sample,
)

_Subject = tuple[int, str, str, int, float, float]
"""Step, split, pictures, k, temperature and top_p: what names an evaluation of a run."""


def ingest(session: Session, run_id: UUID, batch: IngestBatch, *, now: datetime) -> None:
    """Store a batch of records and log pieces.

    Raises:
        NotFoundError: there is no such run.
        StaleFenceError: the sender does not own the run.
        InvalidInputError: a metric is not in the catalogue, or a number is too large to store.
    """
    run = load_owned(session, run_id, batch.fence)
    if not batch.records and not batch.log:
        return
    checkpoints = [record for record in batch.records if isinstance(record, CheckpointRecord)]
    seq = raise_counter(session, STREAM_COUNTER)
    has_steps = store_logged(session, run, batch.records, seq)
    _store_checkpoints(session, run, checkpoints, now)
    _store_log(session, run, batch.log, seq)
    _store_notices(session, run, batch.records, now)
    for record in batch.records:
        if isinstance(record, ProgressRecord):
            run.rl_step = record.rl_step
            run.total_rl_steps = record.total_rl_steps
            run.phase = clean_text(record.phase)
        elif isinstance(record, StepRecord):
            run.rl_step = max(run.rl_step, record.rl_step)
    if has_steps:
        update_alarms(session, run)
    if batch.records:
        run.seq = seq


def store_logged(session: Session, run: Run, records: Iterable[SpoolRecord], seq: int) -> bool:
    """Store steps, responses and answers under the counter `seq`; whether there were steps.

    Raises:
        InvalidInputError: a metric is not in the catalogue, or a number is too large to store.
    """
    records = list(records)
    steps = [record for record in records if isinstance(record, StepRecord)]
    _check_metrics(steps)
    _store_steps(session, run, steps, seq)
    samples = [record for record in records if isinstance(record, SampleRecord)]
    _store_samples(session, run, samples, seq)
    answers = [record for record in records if isinstance(record, AnswerRecord)]
    _store_answers(session, run, answers)
    return bool(steps)


def _check_metrics(steps: Iterable[StepRecord]) -> None:
    for key in {key for step in steps for key in step.metrics}:
        try:
            metric_of_key(key)
        except ValueError as e:
            raise InvalidInputError(ascii(str(e))[1:-1]) from e


def _check_size(name: str, number: int) -> int:
    if abs(number) > MAX_INTEGER:
        raise InvalidInputError(f"{name} is not between -{MAX_INTEGER} and {MAX_INTEGER}")
    return number


def _store_steps(session: Session, run: Run, steps: list[StepRecord], seq: int) -> None:
    rows: dict[int, dict[str, Any]] = {}
    points: dict[tuple[str, int], dict[str, Any]] = {}
    for step in steps:
        rows[step.rl_step] = {
            "run_id": run.id,
            "rl_step": step.rl_step,
            "epoch": step.epoch,
            "samples": step.samples,
            "tokens": step.tokens,
            "seconds": step.seconds,
            "logged_at": step.logged_at,
            "fence": run.fence,
        }
        for key, number in step.metrics.items():
            value, nonfinite = split_float(number)
            points[key, step.rl_step] = {
                "run_id": run.id,
                "key": key,
                "rl_step": step.rl_step,
                "value": value,
                "nonfinite": nonfinite,
                "fence": run.fence,
                "seq": seq,
            }
    axes = ("epoch", "samples", "tokens", "seconds", "logged_at")
    upsert(session, RLStep, list(rows.values()), changed_by=axes)
    # An equal point keeps its seq: the stream tells each point once.
    upsert(session, MetricPoint, list(points.values()), changed_by=("value", "nonfinite"))


def _store_samples(session: Session, run: Run, samples: list[SampleRecord], seq: int) -> None:
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    for sample in samples:
        reward, nonfinite = split_float(sample.outcome_reward)
        rows[sample.rl_step, sample.index] = {
            "run_id": run.id,
            "rl_step": sample.rl_step,
            "position": sample.index,
            "item_id": clean_text(sample.item_id),
            "split": clean_text(sample.split),
            "response": clean_text(sample.response),
            "num_response_tokens": _check_size("num_response_tokens", sample.num_response_tokens),
            "is_truncated": sample.is_truncated,
            "extracted_answer": clean_optional(sample.extracted_answer),
            "is_correct": sample.is_correct,
            "outcome_reward": reward,
            "outcome_reward_nonfinite": nonfinite,
            "reward_parts": _storable_parts(sample.reward_parts),
            "fence": run.fence,
            "seq": seq,
        }
    what = ("item_id", "response", "is_correct", "outcome_reward", "extracted_answer")
    upsert(session, Sample, list(rows.values()), changed_by=what)


def _store_answers(session: Session, run: Run, answers: list[AnswerRecord]) -> None:
    if not answers:
        return
    known = _find_evaluations(session, run, {_subject_of(answer) for answer in answers})
    rows: dict[tuple[int, str, int], dict[str, Any]] = {}
    for answer in answers:
        evaluation_id, item_id = known[_subject_of(answer)], clean_text(answer.item_id)
        reflection = {clean_text(word): count for word, count in answer.reflection.items()}
        rows[evaluation_id, item_id, answer.sample] = {
            "evaluation_id": evaluation_id,
            "item_id": item_id,
            "sample": answer.sample,
            "is_correct": answer.is_correct,
            "num_response_tokens": _check_size("num_response_tokens", answer.num_response_tokens),
            "is_truncated": answer.is_truncated,
            "is_repeating": answer.is_repeating,
            "num_reflections": _check_size("reflection", sum(reflection.values())),
            "fence": run.fence,
            "extracted_answer": clean_optional(answer.extracted_answer),
            "failure": clean_optional(answer.failure),
            "reward_parts": _storable_parts(answer.reward_parts),
            "reflection": reflection,
            "response": clean_text(answer.response),
        }
    # An equal answer keeps its fence: that of the attempt that judged it.
    what = (
        *("is_correct", "num_response_tokens", "is_truncated", "is_repeating"),
        *("num_reflections", "extracted_answer", "failure", "response"),
    )
    upsert(session, Answer, list(rows.values()), changed_by=what)


def _subject_of(answer: AnswerRecord) -> _Subject:
    if not (math.isfinite(answer.temperature) and math.isfinite(answer.top_p)):
        raise InvalidInputError("temperature and top_p of an answer must be finite")
    split, k = clean_text(answer.split), answer.k
    return (answer.rl_step, split, answer.pictures, k, answer.temperature, answer.top_p)


def _find_evaluations(session: Session, run: Run, subjects: set[_Subject]) -> dict[_Subject, int]:
    """Ids of evaluations, made where they are new; the run's row is locked."""
    names = ("rl_step", "split", "pictures", "k", "temperature", "top_p")
    columns = [getattr(Evaluation, name) for name in names]
    steps = {subject[0] for subject in subjects}
    of_steps = (Evaluation.run_id == run.id, Evaluation.rl_step.in_(steps))
    query = sa.select(Evaluation.id, *columns).where(*of_steps)
    known = {tuple(row[1:]): row[0] for row in session.execute(query)}
    new = sorted(subjects - known.keys())
    if new:
        rows = [{"run_id": run.id, **dict(zip(names, subject, strict=True))} for subject in new]
        session.execute(sa.insert(Evaluation), rows)
        known = {tuple(row[1:]): row[0] for row in session.execute(query)}
    return known


def _storable_parts(parts: dict[str, float]) -> dict[str, float | str | None]:
    stored: dict[str, float | str | None] = {}
    for name, number in parts.items():
        value, nonfinite = split_float(number)
        stored[clean_text(name)] = value if nonfinite is None else nonfinite
    return stored


def _store_checkpoints(
    session: Session, run: Run, checkpoints: list[CheckpointRecord], now: datetime
) -> None:
    rows = {
        checkpoint.name: {
            "run_id": run.id,
            "name": checkpoint.name,
            "rl_step": checkpoint.rl_step,
            "manifest_sha256": checkpoint.manifest_sha256,
            "size_bytes": _check_size("size_bytes", checkpoint.size_bytes),
            "created_at": now,
            "fence": run.fence,
        }
        for checkpoint in checkpoints
    }
    upsert(session, Checkpoint, list(rows.values()))
    if rows:
        run.attempts_without_progress = 0
        run.force_resume = False


def _store_notices(
    session: Session, run: Run, records: Iterable[SpoolRecord], now: datetime
) -> None:
    """Add the trainer's notices to the run's history, each once."""
    table = tables.RunEvent
    for record in records:
        if not isinstance(record, NoticeRecord):
            continue
        actor, text = f"trainer, attempt {run.fence}", clean_text(record.text)
        told = sa.select(table.sequence).where(
            table.run_id == run.id, table.actor == actor, table.reason == text
        )
        if session.scalar(told.limit(1)) is None:
            current = RunStatus(run.status)
            record_event(session, run, current, actor=actor, now=now, reason=text)


def _store_log(session: Session, run: Run, chunks: list[LogChunk], seq: int) -> None:
    table = tables.LogChunk
    for chunk in chunks:
        text = clean_text(chunk.text)
        of_attempt = (table.run_id == run.id, table.fence == chunk.fence)
        stored = session.scalar(
            sa.select(table.text).where(*of_attempt, table.byte_offset == chunk.offset)
        )
        if stored is not None and stored.startswith(text):
            continue
        if stored is not None:
            # The sender lost an acknowledgement and ships from here on again, cut differently.
            session.execute(
                sa.delete(table).where(*of_attempt, table.byte_offset >= chunk.offset),
                execution_options={"synchronize_session": False},
            )
        row = {"run_id": run.id, "fence": chunk.fence, "byte_offset": chunk.offset}
        upsert(session, table, [{**row, "text": text, "seq": seq}])
