"""`maye evaluate`: a model, or a checkpoint of a run, on a data set."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from maye.client import Client, Json
from maye.client.configs import with_changes
from maye.commands.completion import offer_datasets, offer_models_and_runs
from maye.commands.help_texts import RUNS, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_run
from maye.commands.session import Session
from maye.commands.submitting import (
    Assignments,
    IdempotencyKey,
    Request,
    Watch,
    parse_assignments,
    queue,
)
from maye.errors import WrongUsageError

SHARED = ("precision", "device", "data", "reward", "engine", "reflection")
"""What an evaluation of a run's checkpoint takes from the run, beside its evaluation settings."""
_STEP = re.compile(r"^[0-9]{1,9}$")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "evaluate",
        rich_help_panel=RUNS,
        epilog=examples(
            "maye evaluate workbench-base --dataset workbench-vision --watch",
            "maye evaluate 3f2a@best",
            "maye evaluate last@16 --dataset workbench-text --splits test",
        ),
    )(evaluate)


def evaluate(
    context: typer.Context,
    subject: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_RUN[@STEP]",
            help="Slug of a model; or a run, with the step of a checkpoint, best or last.",
            autocompletion=offer_models_and_runs,
        ),
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="Data set; default: the run's.", autocompletion=offer_datasets),
    ] = None,
    splits: Annotated[
        str | None, typer.Option(help="Comma-separated; default: validation,test.")
    ] = None,
    assignments: Assignments = None,
    name: Annotated[str | None, typer.Option(help="Name of the evaluation.")] = None,
    watch: Watch = False,
    idempotency_key: IdempotencyKey = "",
    as_json: AsJson = False,
) -> None:
    """Evaluate a model, or a checkpoint of a run with the run's own settings.

    An evaluation is a run of its own: maye runs lists it, maye watch follows it.
    """
    session = Session.of(context, as_json=as_json)
    changes = parse_assignments(assignments or [])
    if dataset is not None:
        changes["dataset"] = dataset
    if splits is not None:
        changes["splits"] = [split.strip() for split in splits.split(",")]
    with session.connect() as client:
        config = with_changes(build_config(client, subject), changes)
    if "dataset" not in config:
        raise WrongUsageError(f"{subject} is a model: --dataset says on what to evaluate it")
    body = {"name": name, "config": config}
    request = Request("evaluations", body, idempotency_key, subject, "evaluation")
    queue(session, request, is_watched=watch)


def build_config(client: Client, subject: str) -> dict[str, Any]:
    """The configuration of an evaluation, without a data set where a model is evaluated.

    Args:
        client: asks the platform what the subject is.
        subject: slug of a model, or a run with or without `@` and a checkpoint.

    Raises:
        WrongUsageError: it names neither.
        CommandError: there is no such run.
    """
    what, sign, checkpoint = subject.partition("@")
    if not sign and what in {model["slug"] for model in client.models()}:
        return {"kind": "evaluation", "model": what}
    if sign and checkpoint not in ("best", "last") and not _STEP.match(checkpoint):
        raise WrongUsageError(f"{subject!r}: after @ comes a step, best or last")
    try:
        run = client.run(resolve_run(client, what))
    except WrongUsageError as error:
        raise WrongUsageError(f"there is no model {what!r}, and {error}") from error
    step = int(checkpoint) if _STEP.match(checkpoint) else checkpoint or "last"
    return build_run_config(run, step)


def build_run_config(run: Json, step: int | str) -> dict[str, Any]:
    """The configuration that evaluates a checkpoint as its run would."""
    from backend.contract.config.evaluation import EvaluationSettings

    config: Mapping[str, Any] = run["config"]
    evaluation = config["evaluation"]
    return {
        "kind": "evaluation",
        "model": config["model"],
        "dataset": config["dataset"],
        "seed": config["seed"],
        "checkpoint": {"run": run["id"], "rl_step": step},
        "evaluation": {name: evaluation[name] for name in EvaluationSettings.model_fields},
        **{name: config[name] for name in SHARED},
    }
