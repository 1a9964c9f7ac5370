"""A run's rows as the records of an archive, read bit by bit and in a fixed order."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.archive_format import (
    ArchivedCheckpoint,
    ArchivedEvaluation,
    ArchivedEvent,
    ArchivedLog,
    ArchivedRun,
)
from backend.contract.config import parse_config
from backend.contract.messages import AnswerRecord, CheckpointRecord, SampleRecord, StepRecord
from backend.contract.runs import RunStatus
from backend.database import tables
from backend.database.columns import join_float
from backend.database.tables import Run

ROWS_AT_A_TIME = 500


def describe(run: Run) -> ArchivedRun:
    """The run's row."""
    return ArchivedRun(
        name=run.name,
        config=parse_config(run.config),
        preset=run.preset,
        status=RunStatus(run.status),
        priority=run.priority,
        device_kind=run.device_kind,
        num_devices=run.num_devices,
        fence=run.fence,
        attempt=run.attempt,
        rl_step=run.rl_step,
        total_rl_steps=run.total_rl_steps,
        phase=run.phase,
        error_code=run.error_code,
        reason=run.reason,
        alarms=run.alarms,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        heartbeat_at=run.heartbeat_at,
    )


def list_events(session: Session, run: Run) -> Iterator[ArchivedEvent]:
    """Its history, oldest first."""
    table = tables.RunEvent
    query = sa.select(table).where(table.run_id == run.id).order_by(table.sequence)
    for event in session.scalars(query):
        yield ArchivedEvent(
            sequence=event.sequence,
            at=event.at,
            actor=event.actor,
            from_status=None if event.from_status is None else RunStatus(event.from_status),
            to_status=RunStatus(event.to_status),
            reason=event.reason,
        )


def list_steps(session: Session, run: Run) -> Iterator[StepRecord]:
    """Its steps with their metrics by key."""
    step, point = tables.RLStep, tables.MetricPoint
    names = ("rl_step", "epoch", "samples", "tokens", "seconds", "logged_at")
    query = (
        sa.select(*(getattr(step, name) for name in names))
        .add_columns(point.key, point.value, point.nonfinite)
        .outerjoin(point, (point.run_id == step.run_id) & (point.rl_step == step.rl_step))
        .where(step.run_id == run.id)
        .order_by(step.rl_step)
        .execution_options(yield_per=ROWS_AT_A_TIME)
    )
    for axes, rows in groupby(session.execute(query), key=lambda row: tuple(row[: len(names)])):
        points = [(row.key, join_float(row.value, row.nonfinite)) for row in rows if row.key]
        content = dict(zip(names, axes, strict=True))
        yield StepRecord(**content, metrics=dict(sorted(points, key=itemgetter(0))))


def list_samples(session: Session, run: Run) -> Iterator[SampleRecord]:
    """Its responses by step and position."""
    table = tables.Sample
    query = sa.select(table).where(table.run_id == run.id).order_by(table.rl_step, table.position)
    for row in session.scalars(query.execution_options(yield_per=ROWS_AT_A_TIME)):
        yield SampleRecord(
            rl_step=row.rl_step,
            index=row.position,
            item_id=row.item_id,
            split=row.split,
            response=row.response,
            num_response_tokens=row.num_response_tokens,
            is_truncated=row.is_truncated,
            extracted_answer=row.extracted_answer,
            is_correct=row.is_correct,
            outcome_reward=join_float(row.outcome_reward, row.outcome_reward_nonfinite),
            reward_parts=_numbers(row.reward_parts),
        )
        session.expunge(row)


def list_evaluations(session: Session, run: Run) -> Iterator[ArchivedEvaluation]:
    """The subjects of its evaluations, in the order in which they came."""
    table = tables.Evaluation
    query = sa.select(table).where(table.run_id == run.id).order_by(table.id)
    for row in session.scalars(query):
        yield ArchivedEvaluation(**_subject(row))


def _subject(row: tables.Evaluation) -> dict[str, Any]:
    names = ("rl_step", "split", "pictures", "k", "temperature", "top_p")
    return {name: getattr(row, name) for name in names}


def list_answers(session: Session, run: Run) -> Iterator[AnswerRecord]:
    """The answers of its evaluations, in the same order."""
    table, subject = tables.Answer, tables.Evaluation
    query = (
        sa.select(table, subject)
        .join(subject, subject.id == table.evaluation_id)
        .where(subject.run_id == run.id)
        .order_by(table.evaluation_id, table.item_id, table.sample)
        .execution_options(yield_per=ROWS_AT_A_TIME)
    )
    for row, of in session.execute(query):
        yield AnswerRecord(
            **_subject(of),
            item_id=row.item_id,
            sample=row.sample,
            response=row.response,
            num_response_tokens=row.num_response_tokens,
            is_truncated=row.is_truncated,
            is_repeating=row.is_repeating,
            extracted_answer=row.extracted_answer,
            is_correct=row.is_correct,
            failure=row.failure,
            reward_parts=_numbers(row.reward_parts),
            reflection=row.reflection,
        )
        session.expunge(row)


def _numbers(parts: dict[str, float | str]) -> dict[str, float]:
    return {name: float(value) for name, value in parts.items()}


def list_log(session: Session, run: Run) -> Iterator[ArchivedLog]:
    """Its output by attempt and place."""
    table = tables.LogChunk
    query = sa.select(table).where(table.run_id == run.id).order_by(table.fence, table.byte_offset)
    for row in session.scalars(query.execution_options(yield_per=ROWS_AT_A_TIME)):
        yield ArchivedLog(fence=row.fence, offset=row.byte_offset, text=row.text)
        session.expunge(row)


def list_checkpoints(session: Session, run: Run) -> Iterator[ArchivedCheckpoint]:
    """The checkpoints that it announced, oldest first."""
    table = tables.Checkpoint
    query = sa.select(table).where(table.run_id == run.id).order_by(table.fence, table.rl_step)
    for row in session.scalars(query):
        record = CheckpointRecord(
            rl_step=row.rl_step,
            name=row.name,
            manifest_sha256=row.manifest_sha256,
            size_bytes=row.size_bytes,
        )
        yield ArchivedCheckpoint(record=record, fence=row.fence, created_at=row.created_at)
