"""`maye experiment`: submit, list, show, watch and cancel experiments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from pydantic import ValidationError
from rich.box import SIMPLE
from rich.table import Table

from backend.contract.runs import RunStatus
from maye.client import Client, Json, ServerError
from maye.client.configs import find_preset, read_yaml
from maye.commands.completion import ExperimentArgument, offer_experiment_presets
from maye.commands.help_texts import EXPERIMENTS, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_experiment
from maye.commands.refusals import explain, explain_here, post_once
from maye.commands.session import Session
from maye.commands.submitting import FileArgument, IdempotencyKey, Watch
from maye.commands.watching import INTERRUPTED
from maye.errors import WrongUsageError
from maye.experiment_progress import follow_experiment, name_cell
from maye.progress import Sleeper

Seeds = Annotated[
    str | None,
    typer.Option(metavar="1,2,3", help="Seeds of every trained setting; default: the source's."),
]


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Experiments: submit, list, show, watch, cancel."
    )
    group.command(
        "submit",
        epilog=examples(
            "maye experiment submit experiment.yaml --watch",
            "maye experiment submit --preset quickstart-experiment --seeds 1,2,3",
        ),
    )(submit)
    group.command("list")(list_experiments)
    group.command("show", epilog=examples("maye experiment show last"))(show)
    group.command("watch", epilog=examples("maye experiment watch last"))(watch)
    group.command("cancel", epilog=examples("maye experiment cancel 3f2a"))(cancel)
    app.add_typer(group, name="experiment", rich_help_panel=EXPERIMENTS)


def submit(
    context: typer.Context,
    file: FileArgument = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Preset, in place of a file.", autocompletion=offer_experiment_presets),
    ] = None,
    seeds: Seeds = None,
    name: Annotated[str | None, typer.Option(help="Name; default: the source's.")] = None,
    watch: Watch = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the whole experiment and submit nothing.")
    ] = False,
    idempotency_key: IdempotencyKey = "",
    as_json: AsJson = False,
) -> None:
    """Queue all runs of an experiment: models x data sets x settings x seeds.

    FILE.yaml holds name, models, datasets, settings and seeds, or what a preset's file holds.
    """
    if (file is None) == (preset is None):
        raise WrongUsageError("experiment submit takes a FILE.yaml or --preset, one of the two")
    session = Session.of(context, as_json=as_json)
    given = {"name": name, "seeds": None if seeds is None else parse_seeds(seeds)}
    changes = {key: value for key, value in given.items() if value is not None}
    source = f"preset {preset}" if file is None else str(file)
    if file is not None and dry_run:
        _show_spec(session, {**read_spec(file), **changes}, source)
        return
    with session.connect() as client:
        spec = dict(_find_spec(client, preset)) if file is None else read_spec(file)
        spec |= changes
        if dry_run:
            _show_spec(session, spec, source)
            return
        try:
            experiment = post_once(client, "experiments", spec, idempotency_key or str(uuid4()))
        except ServerError as error:
            if not error.fields:
                raise
            raise explain(error, source, "experiment", inside=()) from error
        session.output.say(
            f"{experiment['id']} {experiment['name']}: {experiment['num_runs']} runs"
        )
        if watch:
            experiment = _follow(session, client, experiment["id"])
    session.output.show(experiment)
    if watch:
        raise typer.Exit(_describe_end(session, experiment))


def parse_seeds(text: str) -> list[int]:
    """Seeds of `1,2,3`.

    Raises:
        WrongUsageError: one is no number.

    >>> parse_seeds("1, 2")
    [1, 2]
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise WrongUsageError(f"--seeds got {text!r}, allowed are numbers as in 1,2,3") from error


def read_spec(file: Path) -> dict[str, Any]:
    """An experiment from a file that holds it, or that is as a preset's.

    Raises:
        CommandError: it cannot be read.
    """
    content = read_yaml(file)
    inner = content.get("experiment")
    if not isinstance(inner, Mapping):
        return content
    return {"name": content.get("title", file.stem), **inner}


def _find_spec(client: Client, preset: str | None) -> Json:
    return find_preset(client.experiment_presets(), preset or "")["spec"]


def _show_spec(session: Session, content: Mapping[str, Any], source: str) -> None:
    from backend.contract.experiments import ExperimentSpec

    try:
        spec = ExperimentSpec.model_validate(content).model_dump(mode="json")
    except ValidationError as error:
        raise explain_here(error, source, "experiment") from error
    session.output.show(spec, session.output.in_yaml(spec))


def list_experiments(context: typer.Context, as_json: AsJson = False) -> None:
    """List experiments, newest first."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        experiments = list(client.experiments())
    table = Table("id", "name", "models", "data sets", "settings", "seeds", "runs", box=SIMPLE)
    for experiment in experiments:
        table.add_row(
            experiment["id"],
            experiment["name"],
            ", ".join(experiment["models"]),
            ", ".join(experiment["datasets"]),
            ", ".join(experiment["settings"]),
            ", ".join(map(str, experiment["seeds"])),
            _count(experiment),
        )
    session.output.show(experiments, table)


def _count(experiment: Json) -> str:
    states = [f"{number} {state}" for state, number in experiment["runs_by_status"].items()]
    return f"{experiment['num_runs']}: {', '.join(states)}"


def show(context: typer.Context, experiment: ExperimentArgument, as_json: AsJson = False) -> None:
    """Show an experiment's runs and what its settings differ in."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        found = client.experiment(resolve_experiment(client, experiment))
    runs = Table("run", "what", "status", "steps", "training accuracy", box=SIMPLE)
    for cell in found["cells"]:
        run = cell["run"]
        accuracy = run["training_accuracy"]
        runs.add_row(
            run["id"],
            name_cell(cell),
            run["status"],
            f"{run['rl_step']}/{run['total_rl_steps'] or '?'}",
            "" if accuracy is None else f"{accuracy:.1%}",
        )
    warnings = [f"warning: {warning}" for warning in found["warnings"]]
    session.output.show(found, f"{found['name']} ({found['id']})", runs, *warnings)


def watch(context: typer.Context, experiment: ExperimentArgument, as_json: AsJson = False) -> None:
    """Follow an experiment until its last run has ended; Ctrl-C leaves it running.

    The exit code is 0 when all runs have succeeded.
    """
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        found = _follow(session, client, resolve_experiment(client, experiment))
    session.output.show(found)
    raise typer.Exit(_describe_end(session, found))


def _follow(session: Session, client: Client, experiment_id: str) -> Json:
    output = session.output
    console = output.errors if output.is_json else output.console
    try:
        return follow_experiment(Sleeper(), client, experiment_id, console)
    except KeyboardInterrupt:
        output.say(
            f"the experiment goes on: `maye experiment watch {experiment_id[:8]}` shows it again, "
            f"`maye experiment cancel {experiment_id[:8]}` stops it"
        )
        raise typer.Exit(INTERRUPTED) from None


def _describe_end(session: Session, experiment: Json) -> int:
    """Say how an experiment has ended; the exit code of whoever waited for it."""
    cells: Sequence[Json] = experiment["cells"]
    lost = [cell for cell in cells if cell["run"]["status"] != RunStatus.SUCCEEDED]
    for cell in lost:
        why = cell["run"]["reason"] or "no reason was given"
        session.output.warn(f"maye: {name_cell(cell)} {cell['run']['status']}: {why}")
    short = experiment["id"][:8]
    session.output.say(
        f"{len(cells) - len(lost)} of {len(cells)} runs succeeded; `maye report {short}`"
    )
    return 1 if lost else 0


def cancel(context: typer.Context, experiment: ExperimentArgument, as_json: AsJson = False) -> None:
    """Ask all runs of an experiment that have not ended to stop."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        found = client.cancel_experiment(resolve_experiment(client, experiment))
    session.output.show(found, f"{found['name']}: {_count(found)}")
