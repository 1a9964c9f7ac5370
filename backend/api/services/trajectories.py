"""Traced RL steps of a run, and one of their responses with every tensor."""

from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas_traces import (
    Token,
    TracedStep,
    TracedTensor,
    Trajectory,
    TrajectoryIndex,
    TrajectoryUpdate,
    UnreadableTrace,
)
from backend.api.services.run_views import load_run
from backend.api.services.trace_file import TraceFile, open_trace
from backend.contract.artifacts import Home
from backend.contract.config import RLConfig
from backend.contract.errors import NotFoundError, TraceCorruptError
from backend.contract.traces import TENSORS, TracedEntry
from backend.database.tables import Dataset, DatasetItem, Run

_DTYPES = {"I32": "int32", "F32": "float32", "U8": "uint8"}
_AXES = {"prompt": "P", "response": "R", "update": "R"}


def list_trajectories(session: Session, home: Home, run_id: UUID) -> TrajectoryIndex:
    """The traced steps of a run, oldest first; a damaged file hides none of the others.

    Raises:
        NotFoundError: there is no such run.
    """
    run = load_run(session, run_id)
    every = RLConfig.model_validate(run.config).trace.every_rl_steps if run.kind == "rl" else 0
    steps: list[TracedStep] = []
    unreadable: list[UnreadableTrace] = []
    for rl_step, path in home.run(run_id).find_traces().items():
        try:
            trace = open_trace(path).trace
        except FileNotFoundError:
            # Removed by the trainer since the folder was read: not kept any more.
            continue
        except TraceCorruptError as error:
            unreadable.append(UnreadableTrace(rl_step=rl_step, reason=error.message))
            continue
        indices = [sample.index for sample in trace.samples]
        steps.append(
            TracedStep(rl_step=rl_step, indices=indices, num_responses=trace.num_responses)
        )
    return TrajectoryIndex(every_rl_steps=every, steps=steps, unreadable=unreadable)


def load_trajectory(
    session: Session, home: Home, run_id: UUID, rl_step: int, index: int
) -> Trajectory:
    """One traced response.

    Raises:
        NotFoundError: there is no such run, or it has no such trace.
        TraceCorruptError: the file is damaged.
    """
    run = load_run(session, run_id)
    path = home.run(run_id).find_traces().get(rl_step)
    missing = f"run {run_id} has no trace of response {index} of RL step {rl_step}"
    if path is None:
        raise NotFoundError(missing)
    try:
        file = open_trace(path)
        rows = [row for row, sample in enumerate(file.trace.samples) if sample.index == index]
        if not rows:
            raise NotFoundError(missing)
        return _show(file, rows[0], _find_item(session, run, file.trace.samples[rows[0]].item_id))
    except FileNotFoundError as e:
        raise NotFoundError(missing) from e


def _find_item(session: Session, run: Run, item_id: str) -> DatasetItem | None:
    query = (
        sa.select(DatasetItem)
        .join(Dataset, Dataset.id == DatasetItem.dataset_id)
        .where(
            Dataset.slug == run.dataset,
            DatasetItem.split == "train",
            DatasetItem.item_id == item_id,
        )
        .limit(1)
    )
    return session.scalars(query).first()


def _show(file: TraceFile, row: int, item: DatasetItem | None) -> Trajectory:
    trace, sample = file.trace, file.trace.samples[row]
    positions = [[int(p) for p in axis] for axis in file.rows("prompt_positions", row)]
    updates = [
        _show_update(file, number, entry)
        for number, entry in enumerate(trace.entries)
        if entry.sample == row
    ]
    parts_sum = sum(part.value * part.weight for part in sample.reward_parts)
    return Trajectory(
        rl_step=trace.rl_step,
        index=sample.index,
        num_responses=trace.num_responses,
        num_updates=len(trace.updates),
        loss=trace.loss,
        algorithm=trace.algorithm,
        item_id=sample.item_id,
        question=item.question if item else "",
        gold_answer=item.answer if item else "",
        image_sha256=item.image_sha256 if item else None,
        image=sample.image,
        prompt=_tokens(file, "prompt", row),
        prompt_positions=positions,
        response=_tokens(file, "response", row),
        is_finished=sample.is_finished,
        is_correct=sample.is_correct,
        reward_parts=list(sample.reward_parts),
        reward_adjustment=sample.outcome - parts_sum,
        outcome=sample.outcome,
        columns={
            name: file.rows(name, row)[0]
            for name in file.names
            if TENSORS[name].rows == "response" and name != "response_tokens"
        },
        updates=updates,
        tensors=_describe_tensors(file, row),
    )


def _tokens(file: TraceFile, rows: Literal["prompt", "response"], row: int) -> list[Token]:
    ids = file.rows(f"{rows}_tokens", row)[0]
    return [
        Token(id=int(token), text=text)
        for token, text in zip(ids, file.pieces(rows, row), strict=True)
    ]


def _show_update(file: TraceFile, number: int, entry: TracedEntry) -> TrajectoryUpdate:
    update = file.trace.updates[entry.update]
    columns = {
        name: file.rows(name, number)[0] for name in file.names if TENSORS[name].rows == "update"
    }
    losses = columns["surrogate_loss"]
    if "correction_weights" in file.names:
        corrections = file.rows("correction_weights", entry.sample)[0]
        losses = [loss * factor for loss, factor in zip(losses, corrections, strict=True)]
    surrogate = entry.loss_weight * sum(losses)
    kl = entry.kl_weight * sum(columns["kl_loss"]) if "kl_loss" in columns else None
    return TrajectoryUpdate(
        index=update.index,
        pass_index=update.pass_index,
        num_responses=len(update.rows),
        num_tokens=update.num_tokens,
        loss_weight=entry.loss_weight,
        kl_weight=entry.kl_weight,
        columns=columns,
        surrogate_contribution=surrogate,
        kl_contribution=kl,
        contribution=surrogate + (kl or 0.0),
    )


def _describe_tensors(file: TraceFile, row: int) -> list[TracedTensor]:
    entries = [number for number, entry in enumerate(file.trace.entries) if entry.sample == row]
    row_of = {"prompt": row, "response": row, "update": entries[0] if entries else None}
    return [
        _describe(name, file.rows(name, at))
        for name in file.names
        if (at := row_of[TENSORS[name].rows]) is not None
    ]


def _describe(name: str, content: list[list[float]]) -> TracedTensor:
    kind = TENSORS[name]
    axes, shape = [_AXES[kind.rows]], [len(content[0])]
    if name == "prompt_positions":
        axes, shape = ["axes", *axes], [len(content), *shape]
    return TracedTensor(
        name=name,
        title=kind.title,
        meaning=kind.meaning,
        paper_step=kind.paper_step,
        dtype=_DTYPES[kind.dtype],
        axes=axes,
        shape=shape,
    )
