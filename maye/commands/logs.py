"""`maye logs`: what the trainer of a run has written."""

import sys

import typer

from maye.commands.completion import RunArgument
from maye.commands.help_texts import RUNS, examples
from maye.commands.references import resolve_run
from maye.commands.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("logs", rich_help_panel=RUNS, epilog=examples("maye logs last"))(logs)


def logs(context: typer.Context, run: RunArgument) -> None:
    """Print the end of a run's log."""
    session = Session.of(context)
    with session.connect() as client:
        tail = client.log(resolve_run(client, run))
    if not tail["is_complete"]:
        session.output.warn("(older lines were left out)")
    sys.stdout.write(tail["text"])
