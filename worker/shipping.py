"""Ships the spools and logs of a run to the API in batches that may safely arrive twice.

What earlier attempts left behind goes first, under the fence of the present one. How far the API
has acknowledged is remembered per attempt after each answer; losing that costs only repetition.
"""

import json
import logging
import os
import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from backend.contract.artifacts import RunFolder
from backend.contract.messages import IngestBatch, LogChunk, ProgressRecord, SpoolRecord, StepRecord
from worker.api_client import ApiClient, UnreachableError
from worker.spool import read_slice
from worker.trainer_log import read_piece

LOG = logging.getLogger("maye.shipping")
MAX_BATCH_RECORDS = 1000
MAX_BATCH_BYTES = 524_288
MAX_BATCH_PIECES = 4
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

_SPOOL_NAME = re.compile(r"^(\d{8,16})\.jsonl$")
_LOG_NAME = re.compile(r"^(\d{8,16})\.log$")


@dataclass(slots=True)
class Observed:
    """What the runner learns from the records of its own attempt."""

    is_training: bool = False
    """True once a step or progress record was read."""
    phase: str = "starting the trainer"
    """Phase of the newest progress record."""

    def observe(self, record: SpoolRecord) -> None:
        """Take note of a record."""
        if isinstance(record, StepRecord | ProgressRecord):
            self.is_training = True
        if isinstance(record, ProgressRecord):
            self.phase = record.phase


@dataclass(frozen=True, slots=True)
class Shipped:
    """How many bytes of an attempt's files the API has acknowledged."""

    spool: int = 0
    log: int = 0


@dataclass(slots=True)
class Shipper:
    """Ships one run's files; `ship_until` is the body of a thread."""

    api: ApiClient
    run_id: UUID
    folder: RunFolder
    fence: int
    pause_s: float
    """Seconds between two looks at the files."""
    observed: Observed = field(default_factory=Observed)
    is_live: threading.Event = field(default_factory=threading.Event)
    """Set while the trainer may still write."""
    has_drained: bool = False
    """True when the trainer has ended and everything is acknowledged."""
    error: Exception | None = None
    """Why shipping ended early."""
    should_stop: threading.Event = field(default_factory=threading.Event)
    """Set to give up without draining."""
    reached: dict[int, Shipped] = field(default_factory=dict)
    """Attempt to what was acknowledged while this runner lives."""

    def ship(self) -> None:
        """Ship until the trainer has ended and nothing is left, or until told to stop."""
        try:
            while not self.should_stop.is_set():
                is_live = self.is_live.is_set()
                has_sent = any(self._ship_attempt(fence) for fence in self._fences())
                if not is_live and not has_sent:
                    self.has_drained = not self.should_stop.is_set()
                    return
                self.should_stop.wait(0 if has_sent else self.pause_s)
        except Exception as error:
            # It crosses the thread: the runner looks at it and ends the attempt.
            LOG.exception("shipping ended")
            self.error = error

    def _fences(self) -> list[int]:
        """Attempts that have left files here, oldest first, the present one last."""
        found = {self.fence}
        for folder, name in (
            (self.folder.spools, _SPOOL_NAME),
            (self.folder.log(0).parent, _LOG_NAME),
        ):
            if folder.is_dir():
                found |= {int(match[1]) for match in map(name.match, os.listdir(folder)) if match}
        return sorted(fence for fence in found if fence <= self.fence)

    def _ship_attempt(self, fence: int) -> bool:
        """Ship one batch of an attempt; whether there was anything to ship."""
        is_live = fence == self.fence and self.is_live.is_set()
        shipped = self.reached.get(fence) or load_shipped(self.folder.shipped(fence))
        records, spool_end = self._next_records(fence, shipped.spool, is_live=is_live)
        chunks, log_end = self._next_chunks(fence, shipped.log, is_live=is_live)
        reached = Shipped(spool=spool_end, log=log_end)
        if reached == shipped:
            return False
        if records or chunks:
            batch = IngestBatch(fence=self.fence, records=records, log=chunks)
            if not retry_for_ever(lambda: self.api.ingest(self.run_id, batch), self.should_stop):
                return False
        self.reached[fence] = reached
        try:
            save_shipped(self.folder.shipped(fence), reached)
        except OSError as error:
            # It costs the next attempt only repetition; this one remembers.
            LOG.warning("how far attempt %d was shipped could not be stored: %s", fence, error)
        return True

    def _next_records(
        self, fence: int, offset: int, *, is_live: bool
    ) -> tuple[list[SpoolRecord], int]:
        """Records of the next batch, and the offset behind them."""
        piece = read_slice(self.folder.spool(fence), offset, is_live=is_live)
        if piece.num_damaged_bytes:
            LOG.warning(
                "spool of attempt %d: %d damaged bytes between offsets %d and %d were skipped",
                fence,
                piece.num_damaged_bytes,
                offset,
                piece.end,
            )
        records: list[SpoolRecord] = []
        size_bytes = 0
        end = offset
        for line in piece.lines:
            size_bytes += line.size_bytes
            if records and (size_bytes > MAX_BATCH_BYTES or len(records) == MAX_BATCH_RECORDS):
                return records, end
            records.append(line.record)
            end = line.end
            if fence == self.fence:
                self.observed.observe(line.record)
        return records, piece.end

    def _next_chunks(self, fence: int, offset: int, *, is_live: bool) -> tuple[list[LogChunk], int]:
        """Log pieces of the next batch, and the offset behind them."""
        chunks: list[LogChunk] = []
        for _ in range(MAX_BATCH_PIECES):
            piece = read_piece(self.folder.log(fence), offset, is_live=is_live)
            if piece is None:
                break
            offset = piece.end
            if piece.text:
                chunks.append(LogChunk(fence=fence, offset=piece.offset, text=piece.text))
        return chunks, offset


def retry_for_ever(call: Callable[[], object], should_stop: threading.Event) -> bool:
    """Make a call until the API answers; False when told to stop before."""
    pause_s = FIRST_PAUSE_S
    while not should_stop.is_set():
        try:
            call()
        except UnreachableError as error:
            LOG.warning("trying again: %s", error)
            should_stop.wait(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            return True
    return False


def load_shipped(path: Path) -> Shipped:
    """How far an attempt was acknowledged; from the start when that is not known."""
    try:
        return Shipped(**json.loads(path.read_text()))
    except FileNotFoundError:
        return Shipped()
    except (ValueError, TypeError):
        LOG.warning("%s is damaged: shipping that attempt from its start", path.name)
        return Shipped()


def save_shipped(path: Path, shipped: Shipped) -> None:
    """Remember how far an attempt was acknowledged, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(json.dumps({"spool": shipped.spool, "log": shipped.log}))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
