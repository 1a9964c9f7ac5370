"""The trainer's only way out: appends records to the spool of its attempt.

It talks to nobody and never waits for the network; the runner ships what lies in the spool.
"""

import os
from pathlib import Path

from backend.contract.messages import SpoolRecord, StepRecord
from backend.contract.metrics import metric_of_key
from worker.spool import encode_record


class Reporter:
    """Appends records to one spool file; a record survives the trainer's death once written."""

    def __init__(self, spool: Path | None) -> None:
        """Open the spool, which is made when absent.

        Args:
            spool: `RunFolder.spool(fence)` of this attempt; None on a device that is not the
                first, whose records are the first one's: they are checked and dropped.
        """
        self._file: int | None = None
        if spool is None:
            return
        spool.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(spool, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        _sync_folder(spool.parent)

    def write(self, record: SpoolRecord) -> None:
        """Append a record.

        Raises:
            ValueError: a metric is not in the catalogue, or the record is too long.
        """
        if isinstance(record, StepRecord):
            for key in record.metrics:
                metric_of_key(key)
        rest = encode_record(record)
        while rest and self._file is not None:
            rest = rest[os.write(self._file, rest) :]

    def sync(self) -> None:
        """Return once everything written survives a power failure; owed before a checkpoint."""
        if self._file is not None:
            os.fsync(self._file)

    def close(self) -> None:
        """Sync and close."""
        self.sync()
        if self._file is not None:
            os.close(self._file)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
