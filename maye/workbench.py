"""Publishes the workbench: data sets and a small model that learn without a GPU or downloads."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from backend.contract.settings import Settings
from maye.client import Client
from maye.errors import CommandError

DATASETS = ("workbench-vision", "workbench-text", "workbench-vision-permuted")
MODEL = "workbench-base"
MODEL_TITLE = "Workbench base (1 M parameters)"


def publish(client: Client, settings: Settings, say: Callable[[str], None]) -> None:
    """Make and register what the server does not have yet."""
    folder = settings.resolved_import_dir
    known_datasets = {entry["slug"] for entry in client.get("datasets")}
    missing = [slug for slug in DATASETS if slug not in known_datasets]
    if missing:
        say("drawing the workbench's problems")
        if not all((folder / slug / "dataset.yaml").is_file() for slug in missing):
            _make_datasets(folder)
        for slug in missing:
            if (folder / slug).is_dir():
                client.post("datasets", {"folder": slug})
    if MODEL not in {entry["slug"] for entry in client.get("models")}:
        _copy_model(folder / MODEL)
        client.post("models", {"folder": MODEL, "slug": MODEL, "title": MODEL_TITLE})


def _make_datasets(folder: Path) -> None:
    """Write the data sets in the import format."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "worker.workbench", "datasets", "--out", str(folder)]
    made = subprocess.run(argv, capture_output=True, text=True, check=False)
    if made.returncode:
        raise CommandError(
            f"the workbench's data sets could not be made ({' '.join(argv)}):\n"
            + made.stderr[-2000:]
        )


def _copy_model(target: Path) -> None:
    """Copy the packaged base checkpoint to where the server may import it."""
    spec = importlib.util.find_spec("worker")
    locations = (spec.submodule_search_locations or []) if spec else []
    packaged = [Path(root) / "workbench" / "base" for root in locations]
    source = next((path for path in packaged if (path / "config.json").is_file()), None)
    if source is None:
        raise CommandError(
            "the workbench's base model is not installed; looked in "
            f"{', '.join(map(str, packaged))}. `python -m worker.workbench` makes it again"
        )
    shutil.copytree(source, target, dirs_exist_ok=True)
