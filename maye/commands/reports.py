"""`maye report`: an experiment's table, figures and findings, to read and as files."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from maye.client import Client
from maye.commands.completion import ExperimentArgument
from maye.commands.help_texts import EXPERIMENTS, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_experiment
from maye.commands.session import Session
from maye.errors import CommandError, WrongUsageError
from maye.report_text import print_report

EXTENSIONS: tuple[Literal["svg", "png"], ...] = ("svg", "png")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "report",
        rich_help_panel=EXPERIMENTS,
        epilog=examples(
            "maye report last",
            "maye report last --latex --output table.tex",
            "maye report last --figures figures",
        ),
    )(report)


def report(
    context: typer.Context,
    experiment: ExperimentArgument,
    latex: Annotated[bool, typer.Option("--latex", help="The table, for LaTeX.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="The table with its intervals.")] = False,
    curves: Annotated[bool, typer.Option("--curves", help="All curves, as CSV.")] = False,
    as_json: AsJson = False,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write every figure there, as SVG and PNG."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there, not to standard output.")
    ] = None,
    spread: Annotated[
        Literal["population", "sample"],
        typer.Option(help="Which standard deviation over seeds."),
    ] = "population",
) -> None:
    """Report an experiment: table, verdicts on claims, figures."""
    chosen = _choose(latex=latex, csv=csv, curves=curves, json=as_json)
    if output is not None and chosen is None:
        raise WrongUsageError("--output needs --latex, --csv, --curves or --json")
    session = Session.of(context, as_json=as_json)
    with session.connect() as client, session.output.working("making the report"):
        experiment_id = resolve_experiment(client, experiment)
        if figures is not None:
            for path in _write_figures(client, experiment_id, figures, spread):
                session.output.say(str(path))
        if chosen is not None:
            _deliver(session, _read(client, experiment_id, chosen, spread), output)
        elif figures is None:
            print_report(client.report(experiment_id, spread=spread), session.output.console)


def _choose(**wanted: bool) -> str | None:
    """The one format that is wanted, if any.

    Raises:
        WrongUsageError: there are several.
    """
    chosen = [name for name, is_wanted in wanted.items() if is_wanted]
    if len(chosen) > 1:
        options = ", ".join(f"--{name}" for name in chosen)
        raise WrongUsageError(f"report writes one format at a time, got {options}")
    return chosen[0] if chosen else None


def _deliver(session: Session, text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    else:
        write_file(output, text.encode())
        session.output.say(str(output))


def _read(
    client: Client, experiment_id: str, chosen: str, spread: Literal["population", "sample"]
) -> str:
    read = {
        "latex": client.report_latex,
        "csv": client.report_csv,
        "curves": client.report_curves_csv,
        "json": client.report_json,
    }[chosen]
    return read(experiment_id, spread=spread)


def _write_figures(
    client: Client,
    experiment_id: str,
    folder: Path,
    spread: Literal["population", "sample"],
) -> list[Path]:
    written: list[Path] = []
    for figure in client.report(experiment_id, spread=spread)["figures"]:
        for extension in EXTENSIONS:
            path = folder / f"{figure['name']}.{extension}"
            content = client.report_figure(
                experiment_id, figure["name"], extension=extension, spread=spread
            )
            write_file(path, content)
            written.append(path)
    return written


def write_file(path: Path, content: bytes) -> None:
    """Write a file, with its folder.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from error
