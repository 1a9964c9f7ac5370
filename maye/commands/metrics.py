"""`maye metrics`: what a run has measured, as files of other tools."""

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from maye.client.frames import tidy_columns, wide_columns
from maye.commands.completion import RunArgument
from maye.commands.help_texts import RUNS, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_run
from maye.commands.session import Session
from maye.metric_files import write_csv, write_parquet, write_tensorboard

File = Path | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "metrics",
        rich_help_panel=RUNS,
        epilog=examples(
            "maye metrics last",
            "maye metrics last --csv metrics.csv --key training/accuracy",
            "maye metrics 3f2a --tensorboard runs",
        ),
    )(metrics)


def metrics(
    context: typer.Context,
    run: RunArgument,
    csv: Annotated[File, typer.Option(help="Write a CSV file.", metavar="FILE")] = None,
    parquet: Annotated[File, typer.Option(help="Write a parquet file.", metavar="FILE")] = None,
    tensorboard: Annotated[
        File, typer.Option(help="Write event files into a folder in it.", metavar="DIR")
    ] = None,
    keys: Annotated[
        list[str] | None, typer.Option("--key", help="Only this metric; may be repeated.")
    ] = None,
    tidy: Annotated[
        bool, typer.Option(help="CSV and parquet: a row for each value, not for each step.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything that a run has logged; without a file, list its metrics."""
    session = Session.of(context, as_json=as_json)
    written: list[str] = []
    with session.connect() as client:
        run_id = resolve_run(client, run)
        if csv is None and parquet is None and tensorboard is None:
            found = client.metric_keys(run_id)
            table = Table("metric", "points", "last step", "last value", box=SIMPLE)
            for entry in found:
                value = "" if entry["last_value"] is None else f"{entry['last_value']:.6g}"
                count, last = str(entry["num_points"]), str(entry["last_rl_step"])
                table.add_row(entry["key"], count, last, value)
            session.output.show(found, table)
            return
        steps = client.metrics(run_id, keys)
        about = client.run(run_id)
    columns = tidy_columns(steps) if tidy else wide_columns(steps)
    for path, write in ((csv, write_csv), (parquet, write_parquet)):
        if path is not None:
            write(columns, path)
            written.append(str(path))
    if tensorboard is not None:
        written.append(str(write_tensorboard(about, steps, tensorboard)))
    session.output.show(
        {"run": run_id, "steps": len(steps), "written": written},
        f"{len(steps)} steps: {', '.join(written)}",
    )
