"""`maye dataset` and `maye model`: what runs are made of, and what they have learnt."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from maye.client import Json
from maye.client.configs import read_yaml
from maye.commands.completion import RunArgument
from maye.commands.help_texts import LIBRARY, examples
from maye.commands.output import AsJson
from maye.commands.references import resolve_run
from maye.commands.session import Session
from maye.commands.transfers import showing_bytes

SlugOption = Annotated[str | None, typer.Option(help="Unique name; default: from the source's.")]


def register(app: typer.Typer) -> None:
    """Add the groups and their commands."""
    dataset = typer.Typer(no_args_is_help=True, help="Data sets: add, list.")
    dataset.command(
        "add",
        epilog=examples(
            "maye dataset add ./my-sums",
            "maye dataset add sums.parquet --manifest sums.yaml",
            "maye dataset add hub:hiyouga/geometry3k --manifest geometry3k.yaml",
            "maye dataset add import:my-sums",
        ),
    )(add_dataset)
    dataset.command("list")(list_datasets)
    app.add_typer(dataset, name="dataset", rich_help_panel=LIBRARY)
    model = typer.Typer(no_args_is_help=True, help="Models: add, list, export trained weights.")
    model.command(
        "add",
        epilog=examples(
            "maye model add my-model --title 'My model'",
            "maye model add hub:Qwen/Qwen2.5-VL-3B-Instruct --slug qwen2.5-vl-3b",
        ),
    )(add_model)
    model.command("list")(list_models)
    model.command("export", epilog=examples("maye model export last --checkpoint best"))(export)
    app.add_typer(model, name="model", rich_help_panel=LIBRARY)


def add_dataset(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A folder with a dataset.yaml, a zip of one, or a parquet file on this machine; "
            "hub:OWNER/NAME[@REVISION]; or the name of a folder under MAYE_IMPORT_DIR (default "
            "$MAYE_HOME/import), with import: in front where a file here has the same name.",
        ),
    ],
    manifest: Annotated[
        Path | None,
        typer.Option(help="YAML file in place of dataset.yaml; on the hub, splits are patterns."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a data set: all of it, or nothing; every bad row is listed."""
    session = Session.of(context, as_json=as_json)
    about = None if manifest is None else read_yaml(manifest)
    with session.connect() as client, showing_bytes(session.output, "uploading") as on_progress:
        dataset = client.dataset_add(source, manifest=about, on_progress=on_progress)
    text = f"imported {dataset['slug']}: {_count(dataset)}; {dataset['num_images']} pictures"
    session.output.show(dataset, text)


def list_datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List data sets."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        datasets = client.datasets()
    table = Table("slug", "title", "kind", "problems", "pictures", "licence", box=SIMPLE)
    for dataset in datasets:
        table.add_row(
            dataset["slug"],
            dataset["title"],
            dataset["kind"],
            _count(dataset),
            str(dataset["num_images"]),
            dataset["licence"],
        )
    session.output.show(datasets, table)


def _count(dataset: Json) -> str:
    return ", ".join(f"{split['name']} {split['num_items']}" for split in dataset["splits"])


def add_model(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Name of a folder under MAYE_IMPORT_DIR (default $MAYE_HOME/import) on the "
            "platform's machine, or hub:OWNER/NAME[@REVISION].",
        ),
    ],
    slug: SlugOption = None,
    title: Annotated[str | None, typer.Option(help="Name for people; default: the slug.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register a model in Hugging Face's layout: its data, none of its code."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client, session.output.working(f"copying {source}"):
        model = client.model_add(source, slug=slug, title=title)
    session.output.show(
        model,
        f"registered {model['slug']}: {model['architecture']}, "
        f"{model['num_parameters']} parameters",
    )


def list_models(context: typer.Context, as_json: AsJson = False) -> None:
    """List models."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        models = client.models()
    table = Table("slug", "title", "architecture", "parameters", "MB", box=SIMPLE)
    for model in models:
        table.add_row(
            model["slug"],
            model["title"],
            model["architecture"],
            f"{model['num_parameters']:,}",
            f"{model['size_bytes'] / 1e6:,.1f}",
        )
    session.output.show(models, table)


def export(
    context: typer.Context,
    run: RunArgument,
    checkpoint: Annotated[
        str,
        typer.Option(help="Name of a checkpoint, best (by validation accuracy) or last."),
    ] = "last",
    as_json: AsJson = False,
) -> None:
    """Write what a run of this machine has learnt as a folder that from_pretrained loads."""
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        run_id = resolve_run(client, run)
    # A process of its own, because it needs torch.
    home = session.settings.paths.root
    argv = [sys.executable, "-m", "worker.export", "--home", str(home), "--run", run_id]
    with session.output.working("writing the model folder"):
        done = subprocess.run(
            [*argv, "--checkpoint", checkpoint], stdout=subprocess.PIPE, text=True, check=False
        )
    if done.returncode:
        raise typer.Exit(1)
    folder = done.stdout.strip()
    session.output.show({"folder": folder}, folder)
