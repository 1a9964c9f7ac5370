"""Reading back what a trainer wrote."""

from backend.contract.artifacts import RunFolder
from backend.contract.messages import SampleRecord, StepRecord
from worker.spool import read_slice


def records(folder: RunFolder, fence: int = 1) -> list:
    return [line.record for line in read_slice(folder.spool(fence), 0, is_live=False).lines]


def metrics(folder: RunFolder, fence: int = 1) -> dict[tuple[int, str], float]:
    """(rl_step, key) to value, but for times and memory, which no seed decides."""
    return {
        (record.rl_step, key): value
        for record in records(folder, fence)
        if isinstance(record, StepRecord)
        for key, value in record.metrics.items()
        if not key.startswith("health/")
    }


def samples(folder: RunFolder, fence: int = 1) -> list[SampleRecord]:
    return [record for record in records(folder, fence) if isinstance(record, SampleRecord)]
