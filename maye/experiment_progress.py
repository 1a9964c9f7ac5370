"""The progress of an experiment, followed until its last run has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from rich.console import Console

from backend.contract.runs import RunStatus
from maye.client import AwayError, Client, Json
from maye.platform import Platform
from maye.progress import (
    POLL_S,
    Estimate,
    PlainProgress,
    build_bar,
    describe_left,
    describe_run,
)
from maye.result_table import wall_time_s


def follow_experiment(
    platform: Platform, client: Client, experiment_id: str, console: Console
) -> Json:
    """Show which run of how many is at which step until all have ended."""
    outlook = _Outlook()
    plain = PlainProgress(console)
    with build_bar(console) as progress:
        task = progress.add_task("runs", total=None, details="")
        while True:
            try:
                experiment = client.experiment(experiment_id)
            except AwayError:
                platform.wait(POLL_S)
                continue
            cells = experiment["cells"]
            ended = sum(_has_ended(cell) for cell in cells)
            left = describe_left(outlook.left_s(cells))
            details = ", ".join([*_describe_current(cells), *left])
            progress.update(task, completed=ended, total=len(cells), details=details)
            if not console.is_terminal:
                phase = details.split(",")[0]
                plain.show(phase, f"{ended} of {len(cells)} runs ended: {details}")
            if ended == len(cells):
                return experiment
            platform.wait(POLL_S)


def name_cell(cell: Json) -> str:
    """Setting, seed and what they are about, in words."""
    seed = "" if cell["seed"] is None else f", seed {cell['seed']}"
    return f"{cell['setting']}{seed} ({cell['model']} on {cell['dataset']})"


def _has_ended(cell: Json) -> bool:
    return RunStatus(cell["run"]["status"]).is_terminal


def _describe_current(cells: Sequence[Json]) -> list[str]:
    """The first run that is going on, else the first that waits."""
    waiting = [cell for cell in cells if not _has_ended(cell)]
    going = [cell for cell in waiting if cell["run"]["status"] != RunStatus.QUEUED]
    current = next(iter(going or waiting), None)
    if current is None:
        return ["all runs have ended"]
    run = current["run"]
    step = f"step {run['rl_step']} of {run['total_rl_steps'] or '?'}"
    return [f"{name_cell(current)}: {step}", *describe_run(run)]


@dataclass(slots=True)
class _Outlook:
    """Estimates the time left from the runs that have ended, and the steps of those going on."""

    estimates: dict[str, Estimate] = field(default_factory=dict)
    """Run to what was seen of it."""

    def left_s(self, cells: Sequence[Json]) -> float | None:
        """Seconds; None until something was seen of every setting that still has to begin."""
        total_s = 0.0
        for cell in cells:
            if not _has_ended(cell):
                expected_s = self._expect_s(cell, cells)
                if expected_s is None:
                    return None
                total_s += expected_s
        return total_s

    def _expect_s(self, cell: Json, cells: Sequence[Json]) -> float | None:
        run = cell["run"]
        estimate = self.estimates.setdefault(run["id"], Estimate())
        seen_s = estimate.left_s(run)
        if seen_s is not None:
            return seen_s
        trained = [c for c in cells if c["run"]["status"] == RunStatus.SUCCEEDED]
        alike = [wall_time_s(c["run"]) for c in trained if c["setting"] == cell["setting"]]
        others = [wall_time_s(c["run"]) for c in trained if c["kind"] != "vanilla"]
        known = alike or others
        return fmean(known) if known else None
