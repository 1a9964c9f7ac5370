"""`maye logs`: what the trainer of a run has written."""

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from maye.commands.completion import RunArgument
from maye.commands.help_texts import RUNS, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_run
from maye.commands.session import Session
from maye.errors import WrongUsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "logs", rich_help_panel=RUNS, epilog=examples("maye logs last", "maye logs 3f2a -f")
    )(logs)


def logs(
    context: typer.Context,
    run: RunArgument,
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="From the beginning, and on until the run ends."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the end of a run's log, or follow the whole of it."""
    if follow and as_json:
        raise WrongUsageError("logs takes --follow or --json, not both: what follows is text")
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        run_id = resolve_run(client, run)
        if follow:
            for lines in whole_lines(client.follow_log(run_id)):
                sys.stdout.write(lines)
                sys.stdout.flush()
            return
        tail = client.log(run_id)
    if not tail["is_complete"]:
        session.output.warn("(older lines were left out: -f shows them)")
    if as_json:
        session.output.show(tail)
    else:
        sys.stdout.write(tail["text"])


def whole_lines(pieces: Iterable[str]) -> Iterator[str]:
    r"""The same text, cut at the ends of lines.

    >>> list(whole_lines(["a\nb", "c\n", "d"]))
    ['a\n', 'bc\n', 'd']
    """
    rest = ""
    for piece in pieces:
        lines, end, rest = (rest + piece).rpartition("\n")
        if end:
            yield lines + end
    if rest:
        yield rest
