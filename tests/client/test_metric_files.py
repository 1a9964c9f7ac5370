"""CSV, parquet and TensorBoard files, read back by the tools that they are for."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray
from typer.testing import CliRunner

from maye import Client
from maye.client.frames import Column, tidy_columns, wide_columns
from maye.commands.app import build_app
from maye.errors import CommandError
from maye.metric_files import write_csv, write_parquet, write_tensorboard
from tests.client.served import Served

ACCURACY = "training/accuracy"
LABELLED = "evaluation/accuracy{k=1,pictures=own,split=test,temperature=0.6}"
VALUES: dict[int, dict[str, float]] = {
    0: {LABELLED: 0.1 + 0.2, ACCURACY: math.nan},
    1: {ACCURACY: 1 / 3},
    2: {ACCURACY: 5e-324, LABELLED: math.inf},
    3: {ACCURACY: 1.7976931348623157e308, LABELLED: -math.inf},
}


@pytest.fixture
def run_id(served: Served, maye: Client) -> str:
    run_id = served.create_run(maye, name="Ünder, test/1")
    for rl_step, values in VALUES.items():
        served.log_step(run_id, rl_step, values)
    return run_id


def test_csv_read_by_pandas_holds_the_same_doubles(
    maye: Client, run_id: str, tmp_path: Path
) -> None:
    steps = maye.metrics(run_id)
    write_csv(wide_columns(steps), tmp_path / "wide.csv")
    table = pd.read_csv(tmp_path / "wide.csv")
    np.testing.assert_equal(
        table[ACCURACY].to_list(), [values[ACCURACY] for values in VALUES.values()]
    )
    np.testing.assert_equal(table[LABELLED].to_list(), [0.1 + 0.2, math.nan, math.inf, -math.inf])
    for name in ("rl_step", "epoch", "samples", "tokens", "seconds", "logged_at"):
        assert table[name].to_list() == [dict(step)[name] for step in _iso(steps)]
    lines = (tmp_path / "wide.csv").read_text().splitlines()
    assert lines[1].endswith(",0.30000000000000004,nan"), "a measured NaN is no empty cell"
    assert lines[2].endswith(",,0.3333333333333333")
    write_csv(tidy_columns(steps), tmp_path / "tidy.csv")
    assert len(pd.read_csv(tmp_path / "tidy.csv")) == 7


def _iso(steps: list[Any]) -> list[dict[str, Any]]:
    return [{**step, "logged_at": step["logged_at"].replace("Z", "+00:00")} for step in steps]


def test_parquet_tells_nan_from_not_measured(maye: Client, run_id: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.parquet"
    write_parquet(wide_columns(maye.metrics(run_id)), path)
    labelled = pq.read_table(path)[LABELLED].to_pylist()
    assert labelled == [0.1 + 0.2, None, math.inf, -math.inf]
    table = pl.read_parquet(path)
    np.testing.assert_equal(
        table[ACCURACY].to_list(), [values[ACCURACY] for values in VALUES.values()]
    )
    assert table.schema[ACCURACY] == pl.Float64
    assert table.schema["rl_step"] == pl.Int64
    assert table["logged_at"][0].isoformat() == "2026-01-02T03:04:05.000123+00:00"


def test_tensorboard_reads_the_same_doubles_at_the_same_steps(
    maye: Client, run_id: str, tmp_path: Path
) -> None:
    steps, run = maye.metrics(run_id), maye.run(run_id)
    for _ in range(2):  # the second export replaces the first
        folder = write_tensorboard(run, steps, tmp_path)
    assert folder.name == f"nder-test-1-{run_id[:8]}"
    read = EventAccumulator(str(folder)).Reload()
    assert set(read.Tags()["tensors"]) == {ACCURACY, LABELLED}
    for key in (ACCURACY, LABELLED):
        logged = {step["rl_step"]: step["values"][key] for step in steps if key in step["values"]}
        events = read.Tensors(key)
        assert [event.step for event in events] == list(logged)
        values = [make_ndarray(event.tensor_proto) for event in events]
        assert all(value.dtype == np.float64 and value.shape == () for value in values)
        np.testing.assert_equal([value.item() for value in values], list(logged.values()))
    walls = [event.wall_time for event in read.Tensors(ACCURACY)]
    assert walls[0] == pytest.approx(1767323045.000123, abs=1e-6)
    assert walls[3] - walls[0] == pytest.approx(3)
    metadata = read.SummaryMetadata(ACCURACY)
    assert metadata.plugin_data.plugin_name == "scalars"


def test_text_cells_are_no_formulas(tmp_path: Path) -> None:
    column = Column("@key", "text", ["=cmd()", "+1", "-1", "@x", "plain", None])
    write_csv([column, Column("value", "float", [-1.0] * 6)], tmp_path / "cells.csv")
    first = [line.split(",")[0] for line in (tmp_path / "cells.csv").read_text().splitlines()]
    assert first == ["'@key", "'=cmd()", "'+1", "'-1", "'@x", "plain", ""]
    assert (tmp_path / "cells.csv").read_text().splitlines()[1].endswith(",-1.0")


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        write_csv([Column("a", "int", [1])], tmp_path / "nowhere" / "a.csv")
    (tmp_path / "taken").mkdir()
    with pytest.raises(CommandError, match="taken cannot be written"):
        write_parquet([Column("a", "int", [1])], tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_the_command_writes_all_three(served: Served, run_id: str, tmp_path: Path) -> None:
    targets = [tmp_path / "m.csv", tmp_path / "m.parquet", tmp_path / "board"]
    options = ["--csv", targets[0], "--parquet", targets[1], "--tensorboard", targets[2]]
    result = CliRunner().invoke(
        build_app(), ["metrics", "last", *map(str, options)], env=served.environment
    )
    assert result.exit_code == 0, result.output
    assert all(target.exists() for target in targets)
    listed = CliRunner().invoke(build_app(), ["metrics", run_id[:6]], env=served.environment)
    assert ACCURACY in listed.output
    one = ["metrics", "last", "--csv", str(targets[0]), "--key", ACCURACY, "--tidy"]
    assert CliRunner().invoke(build_app(), one, env=served.environment).exit_code == 0
    assert set(pd.read_csv(targets[0])["key"]) == {ACCURACY}
