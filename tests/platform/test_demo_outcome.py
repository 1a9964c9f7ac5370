"""How `maye demo` ends: with the report, and with an error where a run was lost."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from maye import demo
from maye.errors import CommandError
from maye.experiment_progress import Outlook

REPORT = {"name": "Made up", "table": [], "findings": [], "warnings": ["1 failed run"]}
ONE_MINUTE = {
    "started_at": "2026-01-01T00:00:00+00:00",
    "finished_at": "2026-01-01T00:01:00+00:00",
}


class FakePlatform:
    address = "http://127.0.0.1:1"

    def wait(self, seconds: float) -> None:
        raise AssertionError(f"all runs have ended: no reason to wait {seconds} s")


class FakeClient:
    """An experiment whose two runs have ended as it is told."""

    def __init__(self, *statuses: str) -> None:
        self.cells = [self._cell(seed, status) for seed, status in enumerate(statuses)]

    def launch_experiment_preset(self, preset: str, *, seeds: list[int] | None) -> dict[str, Any]:
        assert (preset, seeds) == ("made-up", [5])
        return self.experiment("e")

    def experiment(self, experiment_id: str) -> dict[str, Any]:
        return {"id": experiment_id, "name": "Made up", "num_runs": 2, "cells": self.cells}

    def report(self, experiment_id: str) -> dict[str, Any]:
        assert experiment_id == "e"
        return REPORT

    @staticmethod
    def _cell(seed: int, status: str) -> dict[str, Any]:
        run = {"id": str(seed), "status": status, "reason": "no memory left", **ONE_MINUTE}
        where = {"model": "tiny", "dataset": "sums", "kind": "rl"}
        return {"setting": "rl", "seed": seed, "run": run, **where}


def demonstrate(client: FakeClient) -> str:
    console = Console(file=StringIO(), width=200)
    try:
        demo._demonstrate_experiment(FakePlatform(), client, console, preset="made-up", seed=5)
    finally:
        told = console.file.getvalue()
    return told


def test_the_address_of_the_report_is_told_at_the_end() -> None:
    told = demonstrate(FakeClient("succeeded", "succeeded"))
    assert "warning: 1 failed run" in told
    assert told.rstrip().endswith("report: http://127.0.0.1:1/experiments/e")


def test_a_lost_run_is_an_error_that_names_it() -> None:
    with pytest.raises(CommandError) as error:
        demonstrate(FakeClient("succeeded", "failed"))
    message = str(error.value)
    assert message.startswith("1 of 2 runs did not succeed: rl, seed 1 (tiny on sums) failed")
    assert "no memory left" in message


def cell(setting: str, kind: str, seed: int | None, **run: Any) -> dict[str, Any]:
    """A cell whose run waits unless it is told otherwise."""
    waiting = {"id": f"{setting}-{seed}", "status": "queued", "rl_step": 0, "total_rl_steps": None}
    return {"setting": setting, "kind": kind, "seed": seed, "run": waiting | run}


def test_the_time_left_comes_from_runs_of_the_same_setting_that_have_ended() -> None:
    cells = [
        cell("vanilla", "vanilla", None),
        cell("sft", "sft", 0, status="succeeded", **ONE_MINUTE),
        cell("sft", "sft", 1, status="running", rl_step=30, total_rl_steps=40),
        cell("rl", "rl", 0),
    ]
    # A quarter of 60 s for sft, and as long as a run of sft for rl, of which nothing is known.
    assert Outlook().left_s(cells) == pytest.approx(15 + 60)
    ten_minutes = ONE_MINUTE | {"finished_at": "2026-01-01T00:10:00+00:00"}
    cells[3] = cell("rl", "rl", 0, status="succeeded", **ten_minutes)
    assert Outlook().left_s([*cells, cell("rl", "rl", 1)]) == pytest.approx(15 + 600)
    assert Outlook().left_s(cells[:1]) is None
