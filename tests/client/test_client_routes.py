"""The client against the API's own description: no route without a method, no stale types."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from maye import Client

ROOT = Path(__file__).resolve().parents[2]
METHODS = {
    "create_run": "launch",
    "list_runs": "runs",
    "get_run": "run",
    "change_run": "change_run",
    "delete_run": "delete",
    "cancel_run": "cancel",
    "resume_run": "resume",
    "list_run_events": "run_events",
    "list_checkpoints": "checkpoints",
    "list_metric_keys": "metric_keys",
    "get_series": "series",
    "list_steps": "steps",
    "get_samples": "samples",
    "get_log": "log",
    "list_metric_catalogue": "metric_catalogue",
    "list_trajectories": "trajectories",
    "get_trajectory": "trajectory",
    "create_evaluation": "evaluate",
    "list_evaluations": "evaluations",
    "list_answers": "answers",
    "compare_evaluations": "compare_evaluations",
    "create_experiment": "launch_experiment",
    "list_experiments": "experiments",
    "get_experiment": "experiment",
    "rename_experiment": "rename_experiment",
    "delete_experiment": "delete_experiment",
    "cancel_experiment": "cancel_experiment",
    "rerun_experiment_run": "rerun",
    "get_report": "report",
    "get_report_csv": "report_csv",
    "get_report_curves_csv": "report_curves_csv",
    "get_report_latex": "report_latex",
    "get_report_json": "report_json",
    "get_report_figure": "report_figure",
    "list_experiment_presets": "experiment_presets",
    "list_datasets": "datasets",
    "import_dataset": "import_dataset",
    "upload_dataset": "upload_dataset",
    "import_hub_dataset": "import_hub_dataset",
    "get_dataset": "dataset",
    "list_dataset_items": "dataset_items",
    "get_dataset_image": "dataset_image",
    "list_models": "models",
    "import_model": "import_model",
    "import_hub_model": "import_hub_model",
    "get_model": "model",
    "list_presets": "presets",
    "get_run_config_schema": "config_schema",
    "stream": "stream",
    "get_storage": "storage",
    "list_workers": "workers",
    "drain_worker": "drain_worker",
    "undrain_worker": "undrain_worker",
    "forget_worker": "forget_worker",
    "export_run": "export_run",
    "open_archive": "open_archive",
}
"""Operation to the method that calls it."""
NOT_FOR_SCRIPTS = {
    # A browser's cookie; scripts send the token.
    "get_session",
    "create_session",
    "delete_session",
    # For monitors.
    "get_health",
    "get_readiness",
    "get_metrics",
}


@pytest.fixture(scope="module")
def operations() -> dict[str, str]:
    """Operation to its path, but for those of workers."""
    argv = [sys.executable, "-m", "backend.api", "openapi"]
    done = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, timeout=60)
    return {
        operation["operationId"]: path
        for path, item in json.loads(done.stdout)["paths"].items()
        if not path.startswith("/api/v1/worker/")
        for operation in item.values()
    }


def test_every_route_has_a_method(operations: dict[str, str]) -> None:
    expected = METHODS.keys() | NOT_FOR_SCRIPTS
    missing = {name: path for name, path in operations.items() if name not in expected}
    assert not missing, "give maye.Client a method for it, and name it in METHODS"
    assert not expected - operations.keys(), "routes that are gone"
    assert not [name for name in METHODS.values() if not callable(getattr(Client, name, None))]


def test_the_generated_types_are_those_of_the_api() -> None:
    argv = [sys.executable, ".ci/client_types.py", "--check"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_importing_maye_loads_nothing_heavy() -> None:
    code = (
        "import sys, maye; "
        "print([name for name in ('pandas', 'polars', 'pyarrow', 'typer', 'torch', "
        "'tensorboardX', 'sqlalchemy', 'fastapi') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
