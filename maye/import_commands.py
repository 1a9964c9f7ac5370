"""`maye import-dataset` and `maye import-model`: register folders of the import folder."""

from rich.console import Console

from maye.client import Client


def import_dataset(client: Client, console: Console, *, folder: str) -> None:
    """Import a data set and say what was stored."""
    dataset = client.post("datasets", {"folder": folder})
    splits = ", ".join(f"{split['name']} {split['num_items']}" for split in dataset["splits"])
    console.print(
        f"imported {dataset['slug']}: {splits}; {dataset['num_images']} pictures", highlight=False
    )


def import_model(client: Client, console: Console, *, folder: str, slug: str, title: str) -> None:
    """Register a model and say what it is."""
    model = client.post("models", {"folder": folder, "slug": slug, "title": title})
    console.print(
        f"registered {model['slug']}: {model['architecture']}, "
        f"{model['num_parameters']} parameters",
        highlight=False,
    )
