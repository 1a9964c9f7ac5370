"""`maye runs`, `maye run ...` and `maye launch`: small commands against a running platform."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from backend.contract.settings import Settings
from maye.client import Client
from maye.errors import CommandError


def list_runs(client: Client, console: Console) -> None:
    """Print all runs, newest first."""
    table = Table()
    for title in ("id", "name", "status", "steps", "training accuracy", "phase"):
        table.add_column(title)
    for run in client.runs():
        accuracy = run["training_accuracy"]
        table.add_row(
            run["id"],
            run["name"],
            run["status"],
            f"{run['rl_step']}/{run['total_rl_steps'] or '?'}",
            "" if accuracy is None else f"{accuracy:.1%}",
            run["phase"] or run["waits_for"] or "",
        )
    console.print(table)


def show_run(client: Client, run_id: str, console: Console) -> None:
    """Print a run as JSON."""
    console.print_json(json.dumps(client.run(run_id)))


def cancel_run(client: Client, run_id: str, console: Console) -> None:
    """Ask a run to stop."""
    run = client.cancel(run_id)
    console.print(f"{run['name']}: {run['status']}", markup=False)


def resume_run(client: Client, run_id: str, console: Console, *, is_forced: bool) -> None:
    """Let a failed or cancelled run go on from its newest checkpoint."""
    run = client.resume(run_id, is_forced=is_forced)
    console.print(f"{run['name']}: {run['status']}", markup=False)


def export_run(environ: Mapping[str, str], run_id: str, *, checkpoint: str) -> int:
    """Write a run's model folder, in a process that has torch; its exit status."""
    home = Settings.from_environment(environ).paths.root
    argv = [sys.executable, "-m", "worker.export", "--home", str(home), "--run", run_id]
    return subprocess.run([*argv, "--checkpoint", checkpoint], check=False).returncode


def print_log(client: Client, run_id: str) -> None:
    """Print the end of a run's log."""
    tail = client.log(run_id)
    if not tail["is_complete"]:
        print("(older lines were left out)", file=sys.stderr)
    print(tail["text"], end="")


def launch(
    client: Client,
    console: Console,
    *,
    preset: str,
    seed: int | None,
    assignments: list[str],
) -> None:
    """Submit a preset with some values changed."""
    run = client.launch_preset(preset, seed=seed, changes=parse_assignments(assignments))
    console.print(f"{run['id']} {run['name']}: {run['status']}", markup=False, highlight=False)


def parse_assignments(assignments: list[str]) -> Mapping[str, Any]:
    """Values by dotted path from `path=value`, the value in YAML.

    Raises:
        CommandError: one has no `=`, or its value is not YAML.

    >>> parse_assignments(["algorithm.clip_low=0.1", "evaluation.permuted_control=true"])
    {'algorithm.clip_low': 0.1, 'evaluation.permuted_control': True}
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        path, sign, text = assignment.partition("=")
        if not sign or not path:
            raise CommandError(f"--set got {assignment!r}, allowed is PATH=VALUE")
        try:
            changes[path] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise CommandError(f"--set {path}: {text!r} is not a YAML value: {error}") from error
    return changes
