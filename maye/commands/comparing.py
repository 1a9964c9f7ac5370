"""`maye compare`: what runs were told differently, and where they have arrived."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Table

from maye.client import Client, Json
from maye.commands.completion import RunsArgument
from maye.commands.help_texts import RUNS, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_run
from maye.commands.session import Session
from maye.errors import WrongUsageError

ACCURACY = "evaluation/accuracy"
NAMES = (
    ACCURACY,
    "training/accuracy",
    "training/sft_loss",
    "response/num_tokens",
    "policy/kl",
    "reflection/reflection_ratio",
)
"""Metrics that are shown unless all are asked for."""
ABSENT = "-"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "compare",
        rich_help_panel=RUNS,
        epilog=examples("maye compare 3f2a 77b1", "maye compare 3f2a last --all --json"),
    )(compare)


def compare(
    context: typer.Context,
    runs: RunsArgument,
    all_metrics: Annotated[
        bool, typer.Option("--all", help="Every metric, not only the chief ones.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare runs: where their configurations differ, and the last value of their metrics."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        wanted = list(dict.fromkeys(resolve_run(client, run) for run in runs))
        if len(wanted) < 2:
            raise WrongUsageError(f"compare takes two runs or more, got {len(wanted)}")
        found = [client.run(run_id) for run_id in wanted]
        metrics = _load_metrics(client, wanted, all_metrics=all_metrics)
    differences = find_differences([run["config"] for run in found])
    summary = [{key: run[key] for key in ("id", "name", "status", "rl_step")} for run in found]
    session.output.show(
        {"runs": summary, "differences": differences, "metrics": metrics},
        _build_table("configurations differ in", found, differences),
        _build_table("last value of", found, metrics),
    )


def find_differences(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Dotted paths in which configurations differ, with the value in each; None where absent.

    >>> find_differences([{"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}])
    {'a.b': [1, 3]}
    """
    flat = [dict(_flatten(config)) for config in configs]
    paths = sorted({path for one in flat for path in one})
    values = {path: [one.get(path) for one in flat] for path in paths}
    return {path: row for path, row in values.items() if any(value != row[0] for value in row)}


def _flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _load_metrics(
    client: Client, run_ids: Sequence[str], *, all_metrics: bool
) -> dict[str, list[float | None]]:
    """Key to the last value in each run; None where it was not logged or is not finite."""
    logged: list[dict[str, float | None]] = []
    names: dict[str, str] = {}
    for run_id in run_ids:
        entries = client.metric_keys(run_id)
        logged.append({entry["key"]: entry["last_value"] for entry in entries})
        names |= {entry["key"]: entry["name"] for entry in entries}
    wanted = sorted(key for key, name in names.items() if all_metrics or name in NAMES)
    if not all_metrics:
        wanted.sort(key=lambda key: NAMES.index(names[key]))
    return {key: [one.get(key) for one in logged] for key in wanted}


def _build_table(title: str, runs: Sequence[Json], rows: Mapping[str, Sequence[Any]]) -> Table:
    table = Table(box=SIMPLE)
    table.add_column(title)
    for run in runs:
        table.add_column(f"{run['name']}\n{run['id'][:8]} {run['status']}", justify="right")
    for name, values in rows.items():
        table.add_row(name, *map(_show, values))
    if not rows:
        table.add_row("nothing", *("" for _ in runs))
    return table


def _show(value: Any) -> str:
    if value is None:
        return ABSENT
    return f"{value:.6g}" if isinstance(value, float) else str(value)
