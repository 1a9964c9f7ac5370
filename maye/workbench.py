"""Publishes the workbench: data sets and a small model that learn without a GPU or downloads."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from backend.contract.settings import Settings
from maye.client import Client
from maye.errors import CommandError
from maye.platform import Platform

DATASETS = ("workbench-vision", "workbench-text", "workbench-vision-permuted")
MODEL = "workbench-base"
MODEL_TITLE = "Workbench base (1 M parameters)"
POLL_S = 0.2


def publish(client: Client, settings: Settings, platform: Platform) -> None:
    """Make and register what the server does not have yet.

    Raises:
        CommandError: something could not be made, or was refused.
        StopAskedError: the platform was asked to stop meanwhile.
    """
    folder = settings.resolved_import_dir
    known_datasets = {entry["slug"] for entry in client.get("datasets")}
    missing = [slug for slug in DATASETS if slug not in known_datasets]
    if missing:
        platform.say("drawing the workbench's problems (once; about half a minute)")
        if not all((folder / slug / "dataset.yaml").is_file() for slug in missing):
            _make_datasets(folder, platform)
        for slug in missing:
            if (folder / slug).is_dir():
                client.post("datasets", {"folder": slug})
    if MODEL not in {entry["slug"] for entry in client.get("models")}:
        _copy_model(folder / MODEL)
        client.post("models", {"folder": MODEL, "slug": MODEL, "title": MODEL_TITLE})


def _make_datasets(folder: Path, platform: Platform) -> None:
    """Write the data sets in the import format."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "worker.workbench", "datasets", "--out", str(folder)]
    log = platform.home / "log" / "workbench.log"
    with log.open("wb") as output:
        maker = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        while maker.poll() is None:
            platform.wait(POLL_S)
    finally:
        maker.kill()
        status = maker.wait()
    if status:
        last_words = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise CommandError(f"the workbench's data sets could not be made ({log}):\n{last_words}")


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
