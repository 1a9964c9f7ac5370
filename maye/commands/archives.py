"""`maye export` and `maye open`: a run as one file, and such a file as a run to read."""

from pathlib import Path
from typing import Annotated

import typer

from maye.commands.completion import RunArgument
from maye.commands.help_texts import FILES, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_run
from maye.commands.session import Session
from maye.commands.transfers import showing_bytes
from maye.errors import CommandError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add = app.command
    lines = ("maye export last", "maye export 3f2a counting.zip")
    add("export", rich_help_panel=FILES, epilog=examples(*lines))(export)
    add("open", rich_help_panel=FILES, epilog=examples("maye open counting.zip"))(open_file)


def export(
    context: typer.Context,
    run: RunArgument,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE.zip]",
            help="File to write, or a folder for it; default: here, named after the run.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a run that has ended as one file that any Maye opens; without its checkpoints."""
    session = Session.of(context, as_json=as_json)
    target = file or Path()
    with session.connect() as client, showing_bytes(session.output, "exporting") as on_progress:
        run_id = resolve_run(client, run)
        try:
            written = client.export_run(run_id, target, on_progress=on_progress)
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror or error}") from error
    size_bytes = written.stat().st_size
    result = {"run": run_id, "file": str(written), "size_bytes": size_bytes}
    session.output.show(result, f"{written}: {size_bytes / 1e6:,.1f} MB")


def open_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What `maye export` wrote.")],
    as_json: AsJson = False,
) -> None:
    """Open an exported run, to be read like any other; the same file gives the same run."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client, showing_bytes(session.output, "uploading") as on_progress:
        try:
            run = client.open_archive(file, on_progress=on_progress)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror or error}") from error
        address = f"{client.address}/runs/{run['id']}"
    origin = run["origin"]
    assert origin is not None, "a run that was opened says where it comes from"
    text = f"opened {run['name']!r} of {origin['platform']}, as it was on {origin['saved_at']}"
    session.output.show(run, text, address)
