"""`maye submit`: a run from a preset or a file, with values changed."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
import yaml

from maye.commands.completion import offer_presets
from maye.commands.help_texts import RUNS, examples
from maye.commands.output import AsJson
from maye.commands.session import Session
from maye.errors import WrongUsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "submit",
        rich_help_panel=RUNS,
        epilog=examples("maye submit --preset quickstart --seed 1 --set algorithm.clip_low=0.1"),
    )(submit)


def submit(
    context: typer.Context,
    preset: Annotated[
        str, typer.Option(help="Preset to begin with.", autocompletion=offer_presets)
    ],
    seed: Annotated[
        int | None, typer.Option(help="Seed of the run; default: the preset's.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change a value; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Submit a run."""
    session = Session.of(context, as_json=as_json)
    changes = parse_assignments(assignments or [])
    with session.connect() as client:
        run = client.launch_preset(preset, seed=seed, changes=changes)
    session.output.show(run, f"{run['id']} {run['name']}: {run['status']}")


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Values by dotted path from `path=value`, the value in YAML.

    Raises:
        WrongUsageError: one has no `=`, or its value is not YAML.

    >>> parse_assignments(["algorithm.clip_low=0.1", "evaluation.permuted_control=true"])
    {'algorithm.clip_low': 0.1, 'evaluation.permuted_control': True}
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        path, sign, text = assignment.partition("=")
        if not sign or not path:
            raise WrongUsageError(f"--set got {assignment!r}, allowed is PATH=VALUE")
        try:
            changes[path] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise WrongUsageError(f"--set {path}: {text!r} is not a YAML value: {error}") from error
    return changes
