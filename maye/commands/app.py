"""The command line put together: `maye --help`.

A new command is a function in a module of its topic, added in that module's `register`, and the
module in TOPICS here.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from typer.core import TyperGroup

import maye
from maye.commands import (
    archives,
    backups,
    comparing,
    doctor,
    evaluating,
    experiments,
    library,
    logs,
    metrics,
    reports,
    running,
    runs,
    submitting,
    tokens,
    watching,
    workers,
)
from maye.commands.help_texts import ABOUT, EXIT_CODES
from maye.commands.output import build_console
from maye.errors import CommandError

TOPICS = (
    running,
    submitting,
    runs,
    watching,
    logs,
    comparing,
    evaluating,
    metrics,
    archives,
    experiments,
    reports,
    library,
    workers,
    tokens,
    backups,
    doctor,
)
"""In the order of `maye --help`."""


class CommandGroup(TyperGroup):
    """The one place where errors become messages and exit codes (`maye/errors.py`)."""

    def invoke(self, ctx: Any) -> Any:
        """Carry out a command; problems that a person can solve are told without a traceback."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            text = Text(f"maye: {error}", style="red" if sys.stderr.isatty() else "")
            build_console(is_for_errors=True).print(text)
            raise typer.Exit(error.exit_code) from error


def build_app() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="maye",
        cls=CommandGroup,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=EXIT_CODES,
    )
    app.callback(help=ABOUT)(take_global_options)
    for topic in TOPICS:
        topic.register(app)
    return app


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"maye {maye.__version__}\n")
        raise typer.Exit


def take_global_options(
    home: Annotated[
        Path | None, typer.Option(help="Folder of all state, in place of MAYE_HOME.")
    ] = None,
    api_url: Annotated[
        str | None, typer.Option(help="Address of the platform, in place of MAYE_API_URL.")
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """The options before the command; those who need them read them from the context."""


def main() -> None:
    """Entry point."""
    build_app()(prog_name="maye")
