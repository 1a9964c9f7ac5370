"""`maye up` and `maye demo`: the platform on this machine."""

from typing import Annotated

import typer

from maye.commands.help_texts import PLATFORM, examples
from maye.commands.session import Session
from maye.demo import demonstrate, serve


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add = app.command
    add("up", rich_help_panel=PLATFORM, epilog=examples("maye up", "MAYE_PORT=9000 maye up"))(up)
    add("demo", rich_help_panel=PLATFORM, epilog=examples("maye demo --preset quickstart"))(demo)


def up(
    context: typer.Context,
    no_workbench: Annotated[
        bool, typer.Option("--no-workbench", help="Leave out the workbench's data sets and model.")
    ] = False,
) -> None:
    """Start the platform and serve until Ctrl-C."""
    session = Session.of(context)
    _ = session.settings
    raise typer.Exit(serve(session.environ, session.output.console, has_workbench=not no_workbench))


def demo(
    context: typer.Context,
    preset: Annotated[
        str, typer.Option(help="Preset of an experiment or a run.")
    ] = "quickstart-experiment",
    seed: Annotated[int | None, typer.Option(help="The one seed; default: the preset's.")] = None,
) -> None:
    """Start the platform, carry out a preset and show its result."""
    session = Session.of(context)
    _ = session.settings
    raise typer.Exit(demonstrate(session.environ, session.output.console, preset=preset, seed=seed))
