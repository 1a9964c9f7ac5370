"""`maye demo`: the platform, an experiment or a run of a preset, its progress and its result."""

import sys
from collections.abc import Mapping

from rich.console import Console

from backend.contract.runs import RunStatus
from backend.contract.settings import Settings
from maye.client import Client, Json
from maye.errors import CommandError
from maye.experiment_progress import follow_experiment, name_cell
from maye.platform import Platform, StopAskedError, serving
from maye.progress import follow_run
from maye.report_text import print_report
from maye.result_table import build_table, load_gains, wall_time_s
from maye.workbench import publish


def serve(environ: Mapping[str, str], console: Console, *, has_workbench: bool) -> int:
    """`maye up`: serve until asked to stop, with the workbench published unless not wanted."""
    try:
        with serving(
            environ, lambda text: console.print(text, markup=False, highlight=False)
        ) as platform:
            settings = Settings.from_environment(environ)
            _introduce(platform, settings, console)
            console.print("serving; Ctrl-C stops")
            if has_workbench:
                _publish_if_possible(platform, settings, environ)
            while True:
                platform.wait(60.0)
    except StopAskedError:
        console.print("stopped; runs that were going on continue at the next start")
    return 0


def _publish_if_possible(
    platform: Platform, settings: Settings, environ: Mapping[str, str]
) -> None:
    """Publish the workbench; the platform serves without it, too."""
    try:
        with _connect(platform, environ) as client:
            publish(client, settings, platform)
        platform.say("ready: the presets can be submitted")
    except CommandError as error:
        platform.say(f"the workbench was not published: {error}")


def demonstrate(
    environ: Mapping[str, str], console: Console, *, preset: str, seed: int | None
) -> int:
    """`maye demo`: 0 when the run, or every run of the experiment, has succeeded."""
    try:
        with serving(
            environ, lambda text: console.print(text, markup=False, highlight=False)
        ) as platform:
            settings = Settings.from_environment(environ)
            _introduce(platform, settings, console)
            with _connect(platform, environ) as client:
                publish(client, settings, platform)
                if preset in {entry["slug"] for entry in client.experiment_presets()}:
                    _demonstrate_experiment(platform, client, console, preset=preset, seed=seed)
                else:
                    _demonstrate_run(platform, client, console, preset=preset, seed=seed)
            if sys.stdin.isatty():
                console.print(f"still serving at {platform.address}; Ctrl-C stops")
                while True:
                    platform.wait(60.0)
            return 0
    except StopAskedError:
        console.print("stopped; a run that was going on continues at the next start")
        return 130


def _introduce(platform: Platform, settings: Settings, console: Console) -> None:
    """Say where the dashboard and the token are."""
    console.print(f"dashboard: {platform.address}", highlight=False)
    console.print(f"token:     in {settings.paths.admin_token}", highlight=False)
    console.print(f"state:     {platform.home} (logs in log/)", highlight=False)


def _connect(platform: Platform, environ: Mapping[str, str]) -> Client:
    """A client of the platform that was just started."""
    return Client.from_environment(dict(environ) | {"MAYE_API_URL": platform.address})


def _demonstrate_run(
    platform: Platform, client: Client, console: Console, *, preset: str, seed: int | None
) -> None:
    """One run of a preset.

    Raises:
        CommandError: it did not succeed.
    """
    run = client.submit(preset, seed=seed)
    console.print(f"run {run['name']!r}: {platform.address}/runs/{run['id']}", highlight=False)
    _conclude(client, follow_run(platform, client, run["id"], console), console)


def _demonstrate_experiment(
    platform: Platform, client: Client, console: Console, *, preset: str, seed: int | None
) -> None:
    """A preset's experiment, with its seeds or the one that was asked for.

    Raises:
        CommandError: a run of it did not succeed.
    """
    experiment = client.launch_experiment_preset(preset, seeds=None if seed is None else [seed])
    address = f"{platform.address}/experiments/{experiment['id']}"
    console.print(
        f"experiment {experiment['name']!r}, {experiment['num_runs']} runs: {address}",
        highlight=False,
    )
    experiment = follow_experiment(platform, client, experiment["id"], console)
    print_report(client.report(experiment["id"]), console)
    console.print(f"report: {address}", highlight=False)
    lost = [cell for cell in experiment["cells"] if cell["run"]["status"] != RunStatus.SUCCEEDED]
    if lost:
        reasons = [
            f"{name_cell(cell)} {cell['run']['status']}: "
            f"{cell['run']['reason'] or 'no reason was given'}"
            for cell in lost
        ]
        raise CommandError(
            f"{len(lost)} of {experiment['num_runs']} runs did not succeed: {'; '.join(reasons)}"
        )


def _conclude(client: Client, run: Json, console: Console) -> None:
    """Show the result.

    Raises:
        CommandError: the run did not succeed.
    """
    if run["status"] != RunStatus.SUCCEEDED:
        raise CommandError(
            f"the run {run['status']} ({run['error_code'] or 'no code'}): "
            f"{run['reason'] or 'no reason was given'}"
        )
    gains = load_gains(client, run["id"])
    own = [gain for gain in gains if gain.pictures == "own"]
    control = [gain for gain in gains if gain.pictures != "own"]
    console.print(build_table("Accuracy before and after RL", own))
    if control:
        console.print(
            build_table("Control: pictures permuted among the validation problems", control)
        )
    console.print(f"wall time of the run: {wall_time_s(run):.0f} s", highlight=False)
