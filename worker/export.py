"""Writes what a run has learnt as a model folder that `from_pretrained` loads.

    python -m worker.export --home HOME --run RUN_ID --checkpoint best

The folder lies under the run's folder in `export/`, named as the checkpoint.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from transformers.utils.logging import disable_progress_bar

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import EvaluationRunConfig, RLConfig, SFTConfig, parse_config
from backend.contract.errors import (
    InvalidInputError,
    ModelInvalidError,
    NotFoundError,
    PlatformError,
)
from worker.identity import hash_model
from worker.modeling.checkpoints import read_checkpoint
from worker.modeling.export import export_model, find_checkpoint


def export(home: Home, folder: RunFolder, name: str) -> Path:
    """Export a checkpoint of a run.

    Args:
        home: The installation.
        folder: The run's files.
        name: Name of the checkpoint, `best` or `last`.

    Returns:
        The model folder.

    Raises:
        NotFoundError: there is no such run or checkpoint.
        InvalidInputError: the run is an evaluation.
        CheckpointCorruptError: the checkpoint is damaged.
        ModelInvalidError: the model that training started from has changed since.
    """
    cfg = trained_config(folder)
    path = find_checkpoint(folder.checkpoints, name)
    checkpoint = read_checkpoint(path)
    model = home.model(cfg.model)
    check_model(model, checkpoint.state["identity"])
    folder.exports.mkdir(exist_ok=True)
    export_model(model, cfg, checkpoint, folder.exports / path.name)
    return folder.exports / path.name


def trained_config(folder: RunFolder) -> RLConfig | SFTConfig:
    """The configuration of a run that has learnt something.

    Raises:
        NotFoundError: there is no such run.
        InvalidInputError: the run is an evaluation.
    """
    if not folder.config.exists():
        raise NotFoundError(f"there is no run {folder.root.name} in {folder.root.parent}")
    cfg = parse_config(json.loads(folder.config.read_text()))
    if isinstance(cfg, EvaluationRunConfig):
        raise InvalidInputError(
            f"run {folder.root.name} is an evaluation: it has learnt nothing and has no checkpoints"
        )
    return cfg


def check_model(model: Path, saved: Mapping[str, Any]) -> None:
    """Refuse a model folder that is not the one that training started from.

    Raises:
        ModelInvalidError: names the files.
    """
    now = hash_model(model)
    then = {name: value for name, value in saved.items() if name.startswith("model/")}
    different = sorted(name for name in now | then if now.get(name) != then.get(name))
    if different:
        raise ModelInvalidError(
            f"model {model.name} has changed since the run was trained ({', '.join(different)}): "
            "its frozen parts would not be those that were trained with"
        )


def main() -> int:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m worker.export", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="MAYE_HOME, the state folder")
    parser.add_argument("--run", type=UUID, required=True, help="id of the run")
    parser.add_argument("--checkpoint", default="last", help="name of a checkpoint, best or last")
    arguments = parser.parse_args()
    disable_progress_bar()
    home = Home(arguments.home.resolve())
    try:
        target = export(home, home.run(arguments.run), arguments.checkpoint)
    except PlatformError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    sys.stdout.write(f"{target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
