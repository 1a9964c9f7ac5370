"""Metrics as rows, and as tables of pandas and polars; these load only when they are asked for."""

import importlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from maye.api_types import LoggedStep
from maye.errors import CommandError

if TYPE_CHECKING:
    import pandas
    import polars

FrameKind = Literal["pandas", "polars"]
AXES = ("rl_step", "epoch", "samples", "tokens", "seconds", "logged_at")
"""Columns that say when a value was measured, in front of every table."""


class Column(NamedTuple):
    """One column of a table."""

    name: str
    kind: Literal["int", "float", "time", "text"]
    values: list[Any]
    """None where nothing was measured."""


def restore_floats(step: LoggedStep) -> LoggedStep:
    """The step with its numbers as floats: JSON carries NaN and Infinity as words."""
    step["values"] = {key: float(value) for key, value in step["values"].items()}
    return step


def keys_of(steps: Sequence[LoggedStep]) -> list[str]:
    """The metrics that occur, by name."""
    return sorted({key for step in steps for key in step["values"]})


def wide_columns(steps: Sequence[LoggedStep]) -> list[Column]:
    """One row for a step, one column for a metric."""
    metrics = [
        Column(key, "float", [step["values"].get(key) for step in steps]) for key in keys_of(steps)
    ]
    return [*_axes(steps), *metrics]


def tidy_columns(steps: Sequence[LoggedStep]) -> list[Column]:
    """One row for a measured value, with columns `key` and `value`."""
    cells = [(step, key) for step in steps for key in sorted(step["values"])]
    return [
        *_axes([step for step, _ in cells]),
        Column("key", "text", [key for _, key in cells]),
        Column("value", "float", [step["values"][key] for step, key in cells]),
    ]


def _axes(steps: Sequence[LoggedStep]) -> list[Column]:
    return [
        Column("rl_step", "int", [step["rl_step"] for step in steps]),
        Column("epoch", "float", [float(step["epoch"]) for step in steps]),
        Column("samples", "int", [step["samples"] for step in steps]),
        Column("tokens", "int", [step["tokens"] for step in steps]),
        Column("seconds", "float", [float(step["seconds"]) for step in steps]),
        Column("logged_at", "time", [datetime.fromisoformat(step["logged_at"]) for step in steps]),
    ]


def to_pandas(columns: Sequence[Column]) -> "pandas.DataFrame":
    """A pandas table; what was not measured is NaN there, as is a measured NaN.

    Raises:
        CommandError: pandas is not installed.
    """
    pandas = load_optional("pandas")
    dtypes: Mapping[str, Any] = {
        "int": "int64",
        "float": "float64",
        "time": "datetime64[us, UTC]",
        "text": "str",
    }
    return pandas.DataFrame(
        {column.name: pandas.Series(column.values, dtype=dtypes[column.kind]) for column in columns}
    )


def to_polars(columns: Sequence[Column]) -> "polars.DataFrame":
    """A polars table; what was not measured is null, a measured NaN is NaN.

    Raises:
        CommandError: polars is not installed.
    """
    polars = load_optional("polars")
    dtypes: Mapping[str, Any] = {
        "int": polars.Int64,
        "float": polars.Float64,
        "time": polars.Datetime("us", "UTC"),
        "text": polars.String,
    }
    return polars.DataFrame(
        [polars.Series(column.name, column.values, dtype=dtypes[column.kind]) for column in columns]
    )


def load_optional(package: str) -> Any:
    """A package that only some need.

    Raises:
        CommandError: it is not installed; says what to install.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{package} is not installed: `pip install 'maye[data]'` brings it"
        ) from error
