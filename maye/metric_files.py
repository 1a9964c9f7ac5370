"""Metrics of a run as CSV, parquet and TensorBoard files; numbers stay exact doubles."""

import csv
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from maye.api_types import LoggedStep, RunSummary
from maye.client.frames import Column, load_optional
from maye.errors import CommandError

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A text cell that begins so is carried out by spreadsheets."""
EVENT_FILES = "events.out.tfevents.*"


def write_csv(columns: Sequence[Column], target: Path) -> None:
    """A table as CSV: numbers as Python writes them, empty where nothing was measured.

    Raises:
        CommandError: the file cannot be written.
    """

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([guard_cell(column.name) for column in columns])
            writer.writerows(
                zip(*([_cell(value) for value in column.values] for column in columns), strict=True)
            )

    _write_whole(write, target)


def guard_cell(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula.

    >>> guard_cell("=1+1"), guard_cell("a=1")
    ("'=1+1", 'a=1')
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return guard_cell(value)
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def write_parquet(columns: Sequence[Column], target: Path) -> None:
    """A table as parquet: null where nothing was measured, NaN where that was measured.

    Raises:
        CommandError: pyarrow is not installed, or the file cannot be written.
    """
    pyarrow = load_optional("pyarrow")
    parquet = load_optional("pyarrow.parquet")
    types = {
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "time": pyarrow.timestamp("us", "UTC"),
        "text": pyarrow.string(),
    }
    arrays = [pyarrow.array(column.values, types[column.kind]) for column in columns]
    table = pyarrow.Table.from_arrays(arrays, names=[column.name for column in columns])
    _write_whole(lambda path: parquet.write_table(table, path), target)


def write_tensorboard(run: RunSummary, steps: Sequence[LoggedStep], root: Path) -> Path:
    """A run as TensorBoard's event file: step is rl_step, wall time is when it was logged.

    Values are tensors of one double, as exact as they were logged; TensorBoard draws them as
    scalars, and its EventAccumulator reads them by `Tensors`.

    Args:
        run: the run; its name and id name its folder.
        steps: its steps, in order.
        root: the folder to point TensorBoard at; event files of an earlier export are replaced.

    Returns:
        The run's folder.

    Raises:
        CommandError: tensorboardX is not installed, or the folder cannot be written.
    """
    load_optional("tensorboardX")
    folder = root / f"{name_folder(run['name'])}-{run['id'][:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(EVENT_FILES):
            old.unlink()
        _write_events(steps, folder)
    except OSError as error:
        raise CommandError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def _write_events(steps: Sequence[LoggedStep], folder: Path) -> None:
    writer = load_optional("tensorboardX.event_file_writer").EventsWriter(str(folder / "events"))
    event_pb2 = load_optional("tensorboardX.proto.event_pb2")
    types_pb2 = load_optional("tensorboardX.proto.types_pb2")
    scalars: set[str] = set()
    try:
        for step in steps:
            logged_at = datetime.fromisoformat(step["logged_at"]).timestamp()
            event = event_pb2.Event(wall_time=logged_at, step=step["rl_step"])
            for key, value in step["values"].items():
                summary = event.summary.value.add(tag=key)
                # TensorBoard wants to know what a tensor means with the first one of a tag.
                if key not in scalars:
                    summary.metadata.plugin_data.plugin_name = "scalars"
                    scalars.add(key)
                summary.tensor.dtype = types_pb2.DT_DOUBLE
                summary.tensor.tensor_shape.SetInParent()
                summary.tensor.double_val.append(value)
            writer.write_event(event)
    finally:
        writer.close()


def name_folder(name: str) -> str:
    """A name of a folder made of a run's.

    >>> name_folder("Quickstart, seed 1"), name_folder("../é")
    ('quickstart-seed-1', 'run')
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "run"


def _write_whole(write: Callable[[Path], None], target: Path) -> None:
    """Write a file completely, or not at all."""
    unfinished = target.with_name(f".{target.name}.part")
    try:
        write(unfinished)
        unfinished.replace(target)
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
