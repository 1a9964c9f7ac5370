"""The progress of a run, followed until it ends: a bar in a terminal, lines in a log."""

import time
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from backend.contract.runs import RunStatus
from maye.client import AwayError, Client, Json

POLL_S = 1.0
PLAIN_EVERY_S = 10.0
"""Seconds between two lines of progress where there is no terminal."""
AWAY = "the platform does not answer: waiting for it"


class Waiter(Protocol):
    """Whoever lets time pass between two looks: the platform tends its services meanwhile."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...


class Sleeper:
    """A waiter with nothing to tend."""

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


@dataclass(slots=True)
class PlainProgress:
    """Progress as lines, for logs."""

    console: Console
    said_at: float = 0.0
    said_phase: str = ""

    def show(self, phase: str, line: str) -> None:
        """Say it when the phase has changed or enough time has passed."""
        now = time.monotonic()
        if phase != self.said_phase or now - self.said_at > PLAIN_EVERY_S:
            self.said_at, self.said_phase = now, phase
            self.console.print(line, highlight=False, markup=False)


@dataclass(slots=True)
class Estimate:
    """Estimates the time left of a run from the steps that were seen."""

    first_rl_step: int | None = None
    first_seen_at: float = 0.0

    def left_s(self, run: Json) -> float | None:
        """Seconds to its end; None until two steps were seen."""
        step_s = self.step_s(run)
        return None if step_s is None else step_s * (run["total_rl_steps"] - run["rl_step"])

    def step_s(self, run: Json) -> float | None:
        """Seconds of a step; None until two were seen."""
        now = time.monotonic()
        if self.first_rl_step is None and run["rl_step"] > 0:
            self.first_rl_step, self.first_seen_at = run["rl_step"], now
        if self.first_rl_step is None or run["total_rl_steps"] is None:
            return None
        num_seen = run["rl_step"] - self.first_rl_step
        return (now - self.first_seen_at) / num_seen if num_seen > 0 else None


def describe_run(run: Json) -> list[str]:
    """Phase and accuracy in words."""
    parts = [run["phase"] or run["waits_for"] or run["status"]]
    if run["training_accuracy"] is not None:
        parts.append(f"training accuracy {run['training_accuracy']:.1%}")
    return parts


def describe_left(left_s: float | None) -> list[str]:
    """The time left in words; nothing where it is not known yet."""
    return [] if left_s is None else [f"about {left_s / 60:.1f} min left"]


def build_bar(console: Console) -> Progress:
    """A bar with counts, the time so far and details in words; silent without a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[details]}", markup=False),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


def follow_run(waiter: Waiter, client: Client, run_id: str, console: Console) -> Json:
    """Show a run's progress until it ends."""
    estimate = Estimate()
    plain = PlainProgress(console)
    with build_bar(console) as progress:
        task = progress.add_task("RL steps", total=None, details="")
        while True:
            try:
                run = client.run(run_id)
            except AwayError:
                progress.update(task, details=AWAY)
                if not console.is_terminal:
                    plain.show(AWAY, AWAY)
                waiter.wait(POLL_S)
                continue
            details = ", ".join([*describe_run(run), *describe_left(estimate.left_s(run))])
            total = run["total_rl_steps"]
            progress.update(task, completed=run["rl_step"], total=total, details=details)
            if not console.is_terminal:
                plain.show(run["phase"], f"RL step {run['rl_step']} of {total or '?'}: {details}")
            if RunStatus(run["status"]).is_terminal:
                return run
            waiter.wait(POLL_S)
