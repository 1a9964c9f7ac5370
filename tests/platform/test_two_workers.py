"""Two workers, PostgreSQL and an outside Redis against one worker and SQLite: the same report."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from maye.client import Client
from tests.platform.living_platform import LivingPlatform, wait_until
from tests.platform.separate_processes import SeparateProcesses
from tests.platform.small_workbench import (
    DATASET,
    MODEL,
    publish_workbench,
    quickstart_settings,
    write_workbench,
)
from tests.postgres import PostgresServer

ALGORITHMS = ("reinforce_plus_plus", "grpo", "rloo")
SEEDS = [1, 2, 3]
NUM_RUNS = (1 + len(ALGORITHMS)) * len(SEEDS)
"""12: SFT and three algorithms of RL, three seeds each."""
EPOCHS = 2
FILES = ("report.csv", "report-curves.csv", "report.tex")


def experiment() -> dict[str, Any]:
    """Twelve short runs of the workbench's model."""
    rl, sft = quickstart_settings(EPOCHS)
    return {
        "name": "Twelve runs",
        "models": [MODEL],
        "datasets": [DATASET],
        "settings": [
            {"name": "sft", "kind": "sft", "config": sft},
            *(
                {
                    "name": name,
                    "kind": "rl",
                    "config": rl | {"algorithm": rl["algorithm"] | {"name": name}},
                }
                for name in ALGORITHMS
            ),
        ],
        "seeds": SEEDS,
    }


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the model and the problems."""
    folder = tmp_path_factory.mktemp("workbench")
    write_workbench(folder)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingPlatform]:
    """`maye up`: SQLite, a Redis of its own, one worker."""
    platform = LivingPlatform(tmp_path_factory.mktemp("alone") / "home")
    try:
        platform.start()
        yield platform
    finally:
        platform.stop()


@pytest.fixture(scope="module")
def together(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer
) -> Iterator[SeparateProcesses]:
    """PostgreSQL and an outside Redis; the workers are started by the test."""
    url = postgres.create_empty()
    platform = SeparateProcesses(tmp_path_factory.mktemp("together") / "home", url)
    try:
        platform.start_platform()
        yield platform
    finally:
        platform.stop()
        postgres.drop(url)


def submit(platform: LivingPlatform | SeparateProcesses, workbench: Path) -> str:
    """Publish the workbench and queue the experiment; its id."""
    with platform.client() as client:
        publish_workbench(client, workbench, platform.home)
        return client.launch_experiment(experiment())["id"]


def runs_of(client: Client, address: str) -> list[dict[str, Any]]:
    return [cell["run"] for cell in client.experiment(address)["cells"]]


def await_end(client: Client, address: str) -> None:
    ended = ("succeeded", "failed", "cancelled")

    def have_ended() -> bool:
        return all(run["status"] in ended for run in runs_of(client, address))

    wait_until(have_ended, timeout_s=600)
    runs = runs_of(client, address)
    assert [(run["status"], run["reason"]) for run in runs] == [("succeeded", None)] * NUM_RUNS


def report_of(client: Client, address: str) -> Any:
    """The report without its ids and the time at which it was made."""
    report = client.report(address)
    del report["experiment_id"], report["made_at"]
    for run in report["runs"]:
        del run["run_id"]
    return report


def report_files(platform: LivingPlatform | SeparateProcesses, address: str) -> list[bytes]:
    """The report's exports, byte for byte."""
    token = (platform.home / "admin-token").read_text().strip()
    with platform.client() as client:
        base = f"{client.address}/api/v1/experiments/{address}"
    headers = {"Authorization": f"Bearer {token}"}
    answers = [httpx.get(f"{base}/{name}", headers=headers, trust_env=False) for name in FILES]
    return [answer.raise_for_status().content for answer in answers]


def find_middle(client: Client, address: str, worker: str) -> dict[str, Any] | None:
    """The run that a worker has in its hands once half of all have ended, between two steps."""
    runs = runs_of(client, address)
    if sum(run["status"] == "succeeded" for run in runs) < NUM_RUNS // 2 - 1:
        return None
    held = [run for run in runs if run["status"] == "running" and run["rl_step"] >= 1]
    return next((run for run in held if owner_of(client, run["id"]) == worker), None)


def owner_of(client: Client, run_id: str) -> str:
    """The worker of a run's newest attempt, from its history."""
    events = client.get(f"runs/{run_id}/events")
    return [event["actor"] for event in events if event["to_status"] == "starting"][-1]


@pytest.mark.timeout(900)
def test_the_report_does_not_know_how_many_machines_there_were(
    alone: LivingPlatform, together: SeparateProcesses, workbench: Path
) -> None:
    address = submit(together, workbench)
    for worker in ("north", "south"):
        together.start_worker(worker)
    with together.client() as client:
        wait_until(lambda: find_middle(client, address, "south"), timeout_s=300)
        victim = find_middle(client, address, "south")
        assert victim is not None
        together.kill_machine("south", victim["id"])
        await_end(client, address)
        runs = runs_of(client, address)
        attempts = {run["id"]: run["attempt"] for run in runs}
        assert attempts.pop(victim["id"]) == 2
        assert set(attempts.values()) == {1}
        history = {run["id"]: client.get(f"runs/{run['id']}/events") for run in runs}
        ends = Counter(event["to_status"] for events in history.values() for event in events)
        assert ends["succeeded"] == NUM_RUNS
        owners = Counter(owner_of(client, run["id"]) for run in runs)
        assert set(owners) == {"north", "south"}
        assert owner_of(client, victim["id"]) == "north"
        by_two = report_of(client, address)
        files_of_two = report_files(together, address)

    lonely = submit(alone, workbench)
    with alone.client() as client:
        await_end(client, lonely)
        by_one = report_of(client, lonely)
        files_of_one = report_files(alone, lonely)

    assert by_two == by_one
    assert files_of_two == files_of_one
    assert by_one["is_complete"]
    means = [entry["mean"] for row in by_one["table"] for entry in row["entries"]]
    assert len(means) == 2 * 2 * (1 + len(ALGORITHMS))
    assert all(mean["num_observations"] == len(SEEDS) for mean in means)
    assert len({mean["value"] for mean in means}) > 2, "equal because nothing was measured"
