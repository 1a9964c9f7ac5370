"""What the trainer reports lies in the spool at once, and only what the catalogue knows."""

from pathlib import Path

import pytest

from tests.worker.jobs.test_spool import sample, step
from worker.reporter import Reporter
from worker.spool import read_slice


def test_a_record_is_readable_as_soon_as_it_was_written(tmp_path: Path) -> None:
    spool = tmp_path / "spool" / "00000001.jsonl"
    reporter = Reporter(spool)
    for rl_step in range(3):
        reporter.write(step(rl_step))
        assert len(read_slice(spool, 0, is_live=True).lines) == rl_step + 1
    reporter.sync()
    reporter.write(sample(2, "text"))
    reporter.close()
    assert len(read_slice(spool, 0, is_live=True).lines) == 4


def test_a_metric_outside_the_catalogue_is_refused(tmp_path: Path) -> None:
    reporter = Reporter(tmp_path / "spool.jsonl")
    record = step(1).model_copy(update={"metrics": {"training/accuracies": 1.0}})
    with pytest.raises(ValueError, match="training/accuracies"):
        reporter.write(record)
    reporter.close()
    assert (tmp_path / "spool.jsonl").read_bytes() == b""


def test_a_spool_that_exists_is_continued(tmp_path: Path) -> None:
    for rl_step in (1, 2):
        reporter = Reporter(tmp_path / "spool.jsonl")
        reporter.write(step(rl_step))
        reporter.close()
    assert len(read_slice(tmp_path / "spool.jsonl", 0, is_live=True).lines) == 2
