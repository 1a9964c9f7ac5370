"""The progress of an experiment, followed until its last run has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from rich.console import Console

from backend.contract.runs import RunStatus
from maye.client import AwayError, Client, Json
from maye.progress import (
    AWAY,
    POLL_S,
    Estimate,
    PlainProgress,
    Waiter,
    build_bar,
    describe_left,
    describe_run,
)
from maye.result_table import wall_time_s


def follow_experiment(waiter: Waiter, client: Client, experiment_id: str, console: Console) -> Json:
    """Show which run of how many is at which step until all have ended."""
    outlook = Outlook()
    plain = PlainProgress(console)
    with build_bar(console) as progress:
        task = progress.add_task("runs", total=None, details="")
        while True:
            try:
                experiment = client.experiment(experiment_id)
            except AwayError:
                progress.update(task, details=AWAY)
                if not console.is_terminal:
                    plain.show(AWAY, AWAY)
                waiter.wait(POLL_S)
                continue
            cells = experiment["cells"]
            ended = sum(_has_ended(cell) for cell in cells)
            left = describe_left(outlook.left_s(cells))
            details = ", ".join([*_describe_current(cells), *left])
            progress.update(task, completed=ended, total=len(cells), details=details)
            if not console.is_terminal:
                plain.show(str(ended), f"{ended} of {len(cells)} runs ended: {details}")
            if ended == len(cells):
                return experiment
            waiter.wait(POLL_S)


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
    total = run["total_rl_steps"]
    step = f": step {run['rl_step']} of {total}" if total else ""
    return [f"{name_cell(current)}{step}", *describe_run(run)]


@dataclass(slots=True)
class Outlook:
    """Estimates the time left from the runs that have ended, and the steps of those going on."""

    estimates: dict[str, Estimate] = field(default_factory=dict)
    """Run to what was seen of it."""

    def left_s(self, cells: Sequence[Json]) -> float | None:
        """Seconds; None until something was seen of a trained run. Vanilla is not counted."""
        trained = [cell for cell in cells if cell["kind"] != "vanilla"]
        wholes = {cell["run"]["id"]: self._whole_s(cell["run"]) for cell in trained}
        known = [whole_s for whole_s in wholes.values() if whole_s is not None]
        if not known:
            return None
        total_s = 0.0
        for cell in trained:
            run = cell["run"]
            alike = [
                whole_s
                for other in trained
                if other["setting"] == cell["setting"]
                and (whole_s := wholes[other["run"]["id"]]) is not None
            ]
            if not _has_ended(cell):
                done = run["rl_step"] / (run["total_rl_steps"] or 1)
                total_s += fmean(alike or known) * max(0.0, 1 - done)
        return total_s

    def _whole_s(self, run: Json) -> float | None:
        """Seconds of a whole run, measured or extrapolated; None where nothing was seen yet."""
        if run["status"] == RunStatus.SUCCEEDED:
            return wall_time_s(run)
        if RunStatus(run["status"]).is_terminal:
            return None
        step_s = self.estimates.setdefault(run["id"], Estimate()).step_s(run)
        return None if step_s is None else step_s * run["total_rl_steps"]
