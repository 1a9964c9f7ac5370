"""`maye runs|show|cancel|delete|resume`: runs as they are, and what is asked of them."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from backend.contract.runs import RunStatus
from maye.client import Json
from maye.commands.completion import RunArgument, RunsArgument
from maye.commands.help_texts import RUNS, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_run
from maye.commands.session import Session
from maye.errors import WrongUsageError

SHOWN = (
    *("id", "name", "status", "reason", "error_code", "phase", "waits_for", "worker", "priority"),
    *("kind", "model", "dataset", "seed", "preset", "attempt", "training_accuracy"),
    *("created_at", "started_at", "finished_at"),
)
"""Fields of a run above its configuration, where they say something."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add = app.command
    add(
        "runs",
        rich_help_panel=RUNS,
        epilog=examples("maye runs", "maye runs --status running", "maye runs --json"),
    )(list_runs)
    add("show", rich_help_panel=RUNS, epilog=examples("maye show last", "maye show 3f2a"))(show)
    add("cancel", rich_help_panel=RUNS, epilog=examples("maye cancel 3f2a 77b1"))(cancel)
    add("delete", rich_help_panel=RUNS, epilog=examples("maye delete 3f2a 77b1 --yes"))(delete)
    add("resume", rich_help_panel=RUNS, epilog=examples("maye resume last --force"))(resume)


def list_runs(
    context: typer.Context,
    status: Annotated[
        RunStatus | None, typer.Option(help="Only runs in this state.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        runs = list(client.runs(status=None if status is None else status.value))
    session.output.show(runs, _build_table(runs))


def _build_table(runs: Sequence[Json]) -> Table:
    table = Table(box=SIMPLE)
    for title in ("id", "name", "status", "steps", "training accuracy", "phase"):
        table.add_column(title)
    for run in runs:
        accuracy = run["training_accuracy"]
        table.add_row(
            run["id"],
            run["name"],
            run["status"],
            f"{run['rl_step']}/{run['total_rl_steps'] or '?'}",
            "" if accuracy is None else f"{accuracy:.1%}",
            run["phase"] or run["waits_for"] or "",
        )
    return table


def show(context: typer.Context, run: RunArgument, as_json: AsJson = False) -> None:
    """Show a run with its configuration."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        found = client.run(resolve_run(client, run))
    output = session.output
    output.show(found, _build_summary(found), output.in_yaml(found["config"]))


def _build_summary(run: Json) -> Table:
    table = Table.grid(padding=(0, 2))
    for name in SHOWN:
        if run.get(name) not in (None, "", []):
            table.add_row(name.replace("_", " "), _show(run[name]))
    table.add_row("steps", f"{run['rl_step']}/{run['total_rl_steps'] or '?'}")
    for alarm in run["alarms"]:
        table.add_row("alarm", alarm["text"])
    for warning in run["warnings"]:
        table.add_row("warning", warning)
    return table


def _show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def cancel(context: typer.Context, runs: RunsArgument, as_json: AsJson = False) -> None:
    """Ask runs to stop."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        wanted = [resolve_run(client, run) for run in runs]
        cancelled = [client.cancel(run_id) for run_id in wanted]
    session.output.show(cancelled, *(f"{run['name']}: {run['status']}" for run in cancelled))


def resume(
    context: typer.Context,
    run: RunArgument,
    force: Annotated[
        bool,
        typer.Option("--force", help="In spite of what has changed since its newest checkpoint."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let a failed or cancelled run go on from its newest checkpoint."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        resumed = client.resume(resolve_run(client, run), is_forced=force)
    session.output.show(resumed, f"{resumed['name']}: {resumed['status']}")


def delete(
    context: typer.Context,
    runs: RunsArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete runs that have ended, with everything that they have written."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        wanted = [client.run(resolve_run(client, run)) for run in runs]
        if not yes:
            _ask(wanted)
        for run in wanted:
            client.connection.delete(f"runs/{run['id']}")
            session.output.say(f"{run['id']} {run['name']}: deleted")
    session.output.show([run["id"] for run in wanted])


def _ask(runs: Sequence[Json]) -> None:
    """Ask whether runs are to be deleted.

    Raises:
        WrongUsageError: there is nobody to ask.
        Exit: no.
    """
    if not sys.stdin.isatty():
        raise WrongUsageError("delete asks before it deletes, and there is no terminal: add --yes")
    names = "".join(f"\n  {run['id']} {run['name']} ({run['status']})" for run in runs)
    if not typer.confirm(f"Delete with all checkpoints, metrics and samples:{names}\n?", err=True):
        raise typer.Exit(1)
