"""Opening the archive of a run: completely, or not at all; the same archive once."""

import hashlib
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from backend.api.schemas import RunDetail, RunOrigin
from backend.api.services import archive_format as layout
from backend.api.services.archive_format import (
    ArchivedCheckpoint,
    ArchivedDataset,
    ArchivedEvaluation,
    ArchivedEvent,
    ArchivedLog,
    ArchivedProblem,
    ArchivedRun,
)
from backend.api.services.archive_reader import OpenedArchive, open_archive
from backend.api.services.atomic_folder import new_folder
from backend.api.services.dataset_pictures import RowError, check_picture
from backend.api.services.ingest import store_logged
from backend.api.services.run_views import show
from backend.api.services.texts import clean_optional, clean_text
from backend.contract.artifacts import Home
from backend.contract.errors import ArchiveInvalidError, InvalidInputError
from backend.contract.messages import AnswerRecord, SampleRecord, StepRecord
from backend.contract.settings import Settings
from backend.database import tables
from backend.database.session import RUN_COUNTER, STREAM_COUNTER, Database, raise_counter
from backend.database.tables import Dataset, Run

RECORDS_AT_A_TIME = 1000
UNTOLD = 0
"""Counter of what an opened run has logged: streams tell that the run is there, not each point."""
_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class _Opening:
    """What an archive becomes here."""

    run_id: UUID
    archive: OpenedArchive
    run: ArchivedRun
    card: ArchivedDataset | None
    now: datetime

    @property
    def slug(self) -> str:
        """The data set that the archive brings along; no import can choose such a name."""
        return f"archive-{self.run_id}"


def open_run(
    database: Database, settings: Settings, file: BinaryIO, *, now: datetime
) -> tuple[RunDetail, bool]:
    """Open an archive as a run that can only be read.

    Returns:
        The run, and whether it is new: the same archive gives the run that it gave before.

    Raises:
        ArchiveInvalidError: the archive is damaged, or is none; nothing of it is kept.
        ArchiveTooNewError: a newer version of Maye wrote it.
        OSError: its files cannot be written.
    """
    with open_archive(file) as archive:
        known = _find_known(database, archive.sha256, now)
        if known is not None:
            return known, False
        opening = _check(archive, now)
        home = settings.paths
        folders = (home.run(opening.run_id).root, home.dataset(opening.slug))
        try:
            _extract(opening, home)
            with database.session_scope() as session:
                run = _store(session, opening)
                return show(session, run, now), True
        except BaseException as e:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
            if not isinstance(e, StatementError | InvalidInputError) or isinstance(
                e, OperationalError
            ):
                raise
            # Somebody may have opened the same archive at the same time.
            known = _find_known(database, archive.sha256, now)
            if known is not None:
                return known, False
            raise _refusal_of(e) from e


def forget_dataset(session: Session, run: Run) -> str | None:
    """Delete what an opened run's archive brought into the library.

    Returns:
        Slug of the data set whose folder is to be deleted after the transaction; None where
        there is none.
    """
    if not run.is_imported:
        return None
    of_run = sa.select(Dataset).where(Dataset.slug == run.dataset, Dataset.is_partial)
    dataset = session.scalar(of_run)
    if dataset is not None:
        item = tables.DatasetItem
        session.execute(sa.delete(item).where(item.dataset_id == dataset.id))
        session.delete(dataset)
        session.flush()
    return run.dataset


def _find_known(database: Database, sha256: str, now: datetime) -> RunDetail | None:
    with database.read_scope() as session:
        run = session.scalar(sa.select(Run).where(Run.archive_sha256 == sha256))
        return None if run is None else show(session, run, now)


def _refusal_of(error: StatementError | InvalidInputError) -> ArchiveInvalidError:
    if isinstance(error, ArchiveInvalidError):
        return error
    if isinstance(error, InvalidInputError):
        return ArchiveInvalidError(error.message)
    # The statement's values are left out: they may be long, and anybody's data.
    return ArchiveInvalidError(
        f"the archive's records cannot be stored together ({type(error).__name__}): two of them "
        "are about the same thing, or a value is out of range"
    )


def _check(archive: OpenedArchive, now: datetime) -> _Opening:
    """Compare all JSON with its hashes, and read what the rest depends on."""
    archive.check_documents()
    runs = list(islice(archive.records(layout.RUN, ArchivedRun), 2))
    cards = list(islice(archive.records(layout.DATASET, ArchivedDataset), 2))
    if len(runs) != 1 or len(cards) > 1:
        raise ArchiveInvalidError("an archive holds one run, and at most one data set")
    if not runs[0].status.is_terminal:
        raise ArchiveInvalidError(
            f"the run is {runs[0].status}: only one that has ended can be opened"
        )
    return _Opening(uuid4(), archive, runs[0], cards[0] if cards else None, now)


def _extract(opening: _Opening, home: Home) -> None:
    """Traces and pictures to folders that appear when all are right."""
    archive = opening.archive
    with ExitStack() as folders:
        if archive.traces:
            root = folders.enter_context(new_folder(home.run(opening.run_id).root))
            (root / "traces").mkdir()
            for name in archive.traces:
                archive.extract(name, root / name)
        if archive.pictures:
            root = folders.enter_context(new_folder(home.dataset(opening.slug)))
            (root / "images").mkdir()
            for name in archive.pictures:
                archive.extract(name, root / name)
                _check_picture(root / name, name)


def _check_picture(path: Path, name: str) -> None:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != path.name:
        raise ArchiveInvalidError(f"{name} is not the hash of its content")
    try:
        check_picture(content, name)
    except RowError as e:
        raise ArchiveInvalidError(str(e)) from e


def _store(session: Session, opening: _Opening) -> Run:
    run = _store_run(session, opening)
    archive, run_id = opening.archive, opening.run_id
    _store_dataset(session, opening)
    for event in archive.records(layout.EVENTS, ArchivedEvent):
        session.add(tables.RunEvent(run_id=run_id, **event.model_dump()))
    # One after the other: their ids are their order.
    for subject in archive.records(layout.EVALUATIONS, ArchivedEvaluation):
        session.add(tables.Evaluation(run_id=run_id, **subject.model_dump()))
        session.flush()
    for name, kind in (
        (layout.METRICS, StepRecord),
        (layout.SAMPLES, SampleRecord),
        (layout.ANSWERS, AnswerRecord),
    ):
        for records in _batches(archive.records(name, kind)):
            store_logged(session, run, records, UNTOLD)
    for pieces in _batches(archive.records(layout.LOG, ArchivedLog)):
        _insert(session, tables.LogChunk, (_log_row(run_id, piece) for piece in pieces))
    saved = archive.records(layout.CHECKPOINTS, ArchivedCheckpoint)
    _insert(session, tables.Checkpoint, (_checkpoint_row(run_id, one) for one in saved))
    run.number = raise_counter(session, RUN_COUNTER)
    run.seq = raise_counter(session, STREAM_COUNTER)
    session.flush()
    return run


def _store_run(session: Session, opening: _Opening) -> Run:
    archived, manifest = opening.run, opening.archive.manifest
    config = archived.typed_config
    origin = RunOrigin(
        platform=clean_text(manifest.platform),
        run_id=manifest.run_id,
        dataset=config.dataset if opening.card is None else opening.card.slug,
        version=clean_text(manifest.maye),
        saved_at=manifest.saved_at,
        opened_at=opening.now,
        archive_sha256=opening.archive.sha256,
        notes=[clean_text(note) for note in manifest.notes],
    )
    run = Run(
        id=opening.run_id,
        # Its numbers come last: who holds the counters lets everybody else wait.
        number=-1 - secrets.randbelow(2**62),
        seq=UNTOLD,
        kind=config.kind,
        model=config.model,
        dataset=opening.slug,
        seed=config.seed,
        is_imported=True,
        archive_sha256=opening.archive.sha256,
        origin=origin.model_dump(mode="json"),
        **archived.model_dump(exclude={"config"}),
        config=config.model_dump(mode="json"),
    )
    session.add(run)
    session.flush()
    return run


def _store_dataset(session: Session, opening: _Opening) -> None:
    """The card and the problems, as a data set that no run may use."""
    card = opening.card
    if card is None:
        return
    dataset = Dataset(
        id=uuid4(),
        slug=opening.slug,
        title=card.title,
        kind=card.kind,
        licence=card.licence,
        num_images=len(opening.archive.pictures),
        created_at=opening.now,
        is_partial=True,
    )
    session.add(dataset)
    session.flush()
    problems = opening.archive.records(layout.PROBLEMS, ArchivedProblem)
    for some in _batches(problems):
        rows = (_problem_row(dataset.id, problem) for problem in some)
        _insert(session, tables.DatasetItem, rows)


def _problem_row(dataset_id: UUID, problem: ArchivedProblem) -> dict[str, Any]:
    item = problem.item
    return {
        "dataset_id": dataset_id,
        "split": problem.split,
        "row": item.row,
        "item_id": clean_text(item.id),
        "question": clean_text(item.question),
        "answer": clean_text(item.answer),
        "solution": clean_optional(item.solution),
        "category": clean_optional(item.category),
        "difficulty": clean_optional(item.difficulty),
        "image_sha256": item.image,
    }


def _log_row(run_id: UUID, piece: ArchivedLog) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "fence": piece.fence,
        "byte_offset": piece.offset,
        "text": piece.text,
        "seq": UNTOLD,
    }


def _checkpoint_row(run_id: UUID, saved: ArchivedCheckpoint) -> dict[str, Any]:
    record = saved.record.model_dump(exclude={"type"})
    return {"run_id": run_id, **record, "fence": saved.fence, "created_at": saved.created_at}


def _insert(session: Session, table: type[tables.Base], rows: Iterable[dict[str, Any]]) -> None:
    listed = list(rows)
    if listed:
        session.execute(sa.insert(table), listed)


def _batches(records: Iterator[_Any]) -> Iterator[Sequence[_Any]]:
    while batch := list(islice(records, RECORDS_AT_A_TIME)):
        yield batch
