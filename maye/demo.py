"""`maye demo`: the platform, one run of a preset, its progress, and what it has learnt."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend.contract.runs import RunStatus
from backend.contract.settings import Settings
from maye.client import AwayError, Client, Json
from maye.errors import CommandError
from maye.platform import Platform, StopAskedError, serving
from maye.result_table import build_table, load_gains, wall_time_s
from maye.workbench import publish

POLL_S = 1.0
PLAIN_EVERY_S = 10.0
"""Seconds between two lines of progress where there is no terminal."""


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
    except CommandError as error:
        platform.say(f"the workbench was not published: {error}")


def demonstrate(
    environ: Mapping[str, str], console: Console, *, preset: str, seed: int | None
) -> int:
    """`maye demo`: 0 when the run has succeeded."""
    try:
        with serving(
            environ, lambda text: console.print(text, markup=False, highlight=False)
        ) as platform:
            settings = Settings.from_environment(environ)
            _introduce(platform, settings, console)
            with _connect(platform, environ) as client:
                publish(client, settings, platform)
                run = client.launch_preset(preset, seed=seed)
                console.print(
                    f"run {run['name']!r}: {platform.address}/runs/{run['id']}", highlight=False
                )
                run = _follow(platform, client, run["id"], console)
                status = _conclude(client, run, console)
            if sys.stdin.isatty():
                console.print(f"still serving at {platform.address}; Ctrl-C stops")
                while True:
                    platform.wait(60.0)
            return status
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


@dataclass(slots=True)
class _PlainProgress:
    """Progress as lines, for logs."""

    console: Console
    said_at: float = 0.0
    said_phase: str = ""

    def show(self, run: Json, line: str) -> None:
        """Say it when the phase has changed or enough time has passed."""
        now = time.monotonic()
        if run["phase"] != self.said_phase or now - self.said_at > PLAIN_EVERY_S:
            self.said_at, self.said_phase = now, run["phase"]
            self.console.print(line, highlight=False, markup=False)


def _follow(platform: Platform, client: Client, run_id: str, console: Console) -> Json:
    """Show a run's progress until it ends."""
    estimate = _Estimate()
    plain = _PlainProgress(console)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[details]}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("RL steps", total=None, details="")
        while True:
            try:
                run = client.run(run_id)
            except AwayError:
                platform.wait(POLL_S)
                continue
            details = estimate.describe(run)
            total = run["total_rl_steps"]
            progress.update(task, completed=run["rl_step"], total=total, details=details)
            if not console.is_terminal:
                plain.show(run, f"RL step {run['rl_step']} of {total or '?'}: {details}")
            if RunStatus(run["status"]).is_terminal:
                return run
            platform.wait(POLL_S)


@dataclass(slots=True)
class _Estimate:
    """Estimates the time left from the steps that were seen."""

    first_rl_step: int | None = None
    first_seen_at: float = 0.0

    def describe(self, run: Json) -> str:
        """Accuracy, phase and time left in words."""
        parts = [run["phase"] or run["waits_for"] or run["status"]]
        if run["training_accuracy"] is not None:
            parts.append(f"training accuracy {run['training_accuracy']:.1%}")
        left_s = self._left_s(run)
        if left_s is not None:
            parts.append(f"about {left_s / 60:.1f} min left")
        return ", ".join(parts)

    def _left_s(self, run: Json) -> float | None:
        now = time.monotonic()
        if self.first_rl_step is None and run["rl_step"] > 0:
            self.first_rl_step, self.first_seen_at = run["rl_step"], now
        if self.first_rl_step is None or run["total_rl_steps"] is None:
            return None
        num_seen = run["rl_step"] - self.first_rl_step
        if num_seen < 1:
            return None
        return (now - self.first_seen_at) / num_seen * (run["total_rl_steps"] - run["rl_step"])


def _conclude(client: Client, run: Json, console: Console) -> int:
    """Show the result; the exit status."""
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
    return 0
