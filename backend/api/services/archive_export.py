"""A run as one file: its row, history, logged data, problems, pictures and traces."""

import hashlib
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services import archive_format as layout
from backend.api.services import archive_rows as rows
from backend.api.services.archive_format import (
    ArchivedDataset,
    ArchivedProblem,
    Manifest,
)
from backend.api.services.archive_writing import ArchiveWriter
from backend.api.services.run_views import load_run
from backend.api.services.trace_file import open_trace
from backend.api.version import VERSION
from backend.contract.datasets import Item
from backend.contract.errors import ConflictError, TraceCorruptError
from backend.contract.runs import RunStatus
from backend.contract.settings import Settings
from backend.database import tables
from backend.database.session import Database
from backend.database.tables import Run

NOT_IN_A_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(slots=True)
class _Export:
    """One export: what is read from, and what was found missing on the way."""

    session: Session
    settings: Settings
    run: Run
    notes: list[str] = field(default_factory=list[str])

    @property
    def dataset_slug(self) -> str:
        """The data set as it was called where the run was carried out."""
        return str(self.run.origin["dataset"]) if self.run.origin else self.run.dataset


def file_name(run: Run) -> str:
    """Name of a run's archive: its name and the beginning of its id.

    >>> NOT_IN_A_FILE_NAME.sub("-", "counting, seed 1")
    'counting-seed-1'
    """
    name = NOT_IN_A_FILE_NAME.sub("-", run.name).strip("-.")[:60]
    return f"{name or 'run'}-{str(run.id)[:8]}.zip"


def write_archive(database: Database, settings: Settings, run_id: UUID, target: BinaryIO) -> str:
    """Write a run that has ended to a file; the same run gives the same bytes.

    Returns:
        The name that the file should have.

    Raises:
        NotFoundError: there is no such run.
        ConflictError: it has not ended.
        OSError: the file cannot be written.
    """
    with database.snapshot_scope() as session:
        run = load_run(session, run_id)
        if not RunStatus(run.status).is_terminal:
            raise ConflictError(
                f"run {run_id} is {run.status}: only a run that has ended (succeeded, failed, "
                "cancelled) can be exported"
            )
        export = _Export(session, settings, run)
        with ArchiveWriter(target) as writer:
            _write_run(export, writer)
            _write_problems(export, writer)
            _write_traces(export, writer)
            writer.write_manifest(_sum_up(export, writer))
        return file_name(run)


def _sum_up(export: _Export, writer: ArchiveWriter) -> Manifest:
    newest = sa.select(sa.func.max(tables.RunEvent.at))
    saved_at = export.session.scalar(newest.where(tables.RunEvent.run_id == export.run.id))
    return Manifest(
        format=layout.FORMAT,
        maye=VERSION,
        platform=export.settings.platform_name or socket.gethostname(),
        run_id=export.run.id,
        saved_at=saved_at or export.run.created_at,
        notes=export.notes,
        entries=writer.entries,
    )


def _write_run(export: _Export, writer: ArchiveWriter) -> None:
    session, run = export.session, export.run
    writer.write_records(layout.RUN, [rows.describe(run)])
    writer.write_records(layout.EVENTS, rows.list_events(session, run))
    writer.write_records(layout.METRICS, rows.list_steps(session, run))
    writer.write_records(layout.SAMPLES, rows.list_samples(session, run))
    writer.write_records(layout.EVALUATIONS, rows.list_evaluations(session, run))
    writer.write_records(layout.ANSWERS, rows.list_answers(session, run))
    writer.write_records(layout.LOG, rows.list_log(session, run))
    writer.write_records(layout.CHECKPOINTS, rows.list_checkpoints(session, run))


def _write_problems(export: _Export, writer: ArchiveWriter) -> None:
    """The data set's card, the problems that the run shows, and their pictures."""
    dataset = export.session.scalar(
        sa.select(tables.Dataset).where(tables.Dataset.slug == export.run.dataset)
    )
    card = [] if dataset is None else [_card(export, dataset)]
    if dataset is None:
        export.notes.append(f"data set {export.run.dataset} is not on this platform any more")
    writer.write_records(layout.DATASET, card)
    problems = [] if dataset is None else _problems(export, dataset.id)
    writer.write_records(layout.PROBLEMS, problems)
    folder = export.settings.paths.dataset(export.run.dataset) / "images"
    for sha256 in sorted({problem.item.image for problem in problems if problem.item.image}):
        _write_or_note(export, writer, f"images/{sha256}", folder / sha256, sha256=sha256)


def _card(export: _Export, dataset: tables.Dataset) -> ArchivedDataset:
    return ArchivedDataset.model_validate(
        {
            "slug": export.dataset_slug,
            "title": dataset.title,
            "kind": dataset.kind,
            "licence": dataset.licence,
        }
    )


def _problems(export: _Export, dataset_id: UUID) -> list[ArchivedProblem]:
    """The problems that responses, answers and traces refer to, in file order."""
    session, run = export.session, export.run
    sample, answer, subject = tables.Sample, tables.Answer, tables.Evaluation
    of_samples = sa.select(sample.split, sample.item_id).where(sample.run_id == run.id)
    of_answers = (
        sa.select(subject.split, answer.item_id)
        .join(subject, subject.id == answer.evaluation_id)
        .where(subject.run_id == run.id)
    )
    wanted = {(split, item_id) for split, item_id in session.execute(of_samples.distinct())}
    wanted |= {(split, item_id) for split, item_id in session.execute(of_answers.distinct())}
    wanted |= {("train", item_id) for item_id in _traced_items(export)}
    table = tables.DatasetItem
    query = sa.select(table).where(table.dataset_id == dataset_id).order_by(table.split, table.row)
    stored = session.scalars(query.execution_options(yield_per=rows.ROWS_AT_A_TIME))
    return [_problem(row) for row in stored if (row.split, row.item_id) in wanted]


def _problem(row: tables.DatasetItem) -> ArchivedProblem:
    item = Item(
        id=row.item_id,
        row=row.row,
        question=row.question,
        answer=row.answer,
        image=row.image_sha256,
        solution=row.solution,
        category=row.category,
        difficulty=row.difficulty,
    )
    return ArchivedProblem.model_validate({"split": row.split, "item": item})


def _traces(export: _Export) -> Iterable[Path]:
    return export.settings.paths.run(export.run.id).find_traces().values()


def _traced_items(export: _Export) -> Iterator[str]:
    for path in _traces(export):
        try:
            trace = open_trace(path).trace
        except (TraceCorruptError, FileNotFoundError):
            # Its bytes are in the archive all the same, and unreadable there as here.
            continue
        yield from (sample.item_id for sample in trace.samples)


def _write_traces(export: _Export, writer: ArchiveWriter) -> None:
    for path in _traces(export):
        _write_or_note(export, writer, f"traces/{path.name}", path)


def _write_or_note(
    export: _Export, writer: ArchiveWriter, name: str, path: Path, *, sha256: str | None = None
) -> None:
    """Write a file, or note why it is left out; `sha256` is what its content must have."""
    if path.is_symlink() or not path.is_file():
        export.notes.append(f"{name} was missing")
        return
    if sha256 is not None:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                export.notes.append(f"{name} was damaged")
                return
    writer.write_file(name, path)
