"""Two real workers share runs; one is killed and comes back under its name, the other drains."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from maye.client import Client
from tests.platform.living_platform import ROOT, publish_tiny, tiny_config, wait_until
from tests.platform.separate_processes import SeparateProcesses

NUM_RUNS = 6


class Machines(SeparateProcesses):
    """Workers that announce themselves often, so that the test need not wait."""

    @property
    def environment(self) -> Mapping[str, str]:
        return {**super().environment, "MAYE_ANNOUNCE_S": "0.3"}

    def start_worker(self, name: str) -> None:
        self.start(name, sys.executable, "-m", "worker.celery_app", "--name", name)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Redis and the API, without a worker yet."""
    home = tmp_path_factory.mktemp("machines") / "home"
    machines = Machines(home, database_url="")
    try:
        machines.start_platform()
        publish_tiny(machines)
        yield machines
    finally:
        machines.stop()
    assert machines.ours() == []


def workers_of(client: Client) -> dict[str, dict[str, Any]]:
    return {worker["name"]: worker for worker in client.get("workers")}


def states_of(client: Client) -> dict[str, str]:
    return {name: worker["state"] for name, worker in workers_of(client).items()}


def who_started(client: Client, run_id: str) -> list[str]:
    events = client.get(f"runs/{run_id}/events")
    return [event["actor"] for event in events if event["to_status"] == "starting"]


def test_a_worker_with_another_token_says_so_and_ends(machines: Machines, tmp_path: Path) -> None:
    (tmp_path / "worker-token").write_text("another token\n")
    worker = subprocess.run(
        [sys.executable, "-m", "worker.celery_app"],
        cwd=ROOT,
        env={**machines.environment, "MAYE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert worker.returncode == 4, worker.stderr
    assert f"the API does not take the token in {tmp_path / 'worker-token'}" in worker.stderr
    assert "another token" not in worker.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["--help"], 0, "--slots"),
        (["--name", "a/b"], 2, "worker_name"),
        (["--slots", "0"], 2, "worker_slots"),
    ],
)
def test_a_wrong_command_line_is_refused_in_words(
    machines: Machines, arguments: list[str], status: int, text: str
) -> None:
    worker = subprocess.run(
        [sys.executable, "-m", "worker.celery_app", *arguments],
        cwd=ROOT,
        env=machines.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert worker.returncode == status
    assert text in worker.stdout + worker.stderr
    assert "Traceback" not in worker.stderr


def test_two_workers_share_runs_though_one_is_killed_and_one_drains(machines: Machines) -> None:
    for name in ("left", "right"):
        machines.start_worker(name)
    with machines.client() as client:
        wait_until(lambda: states_of(client) == {"left": "ready", "right": "ready"})
        (cpu,) = workers_of(client)["left"]["devices"]
        assert cpu["kind"] == "cpu"
        runs = [
            client.launch(f"run {seed}", tiny_config(epochs=1, seed=seed))["id"]
            for seed in range(NUM_RUNS)
        ]
        wait_until(lambda: states_of(client) == {"left": "busy", "right": "busy"})
        assert client.get(f"runs/{runs[-1]}")["queue"]["position"] == NUM_RUNS - 2

        (held,) = workers_of(client)["left"]["runs"]
        started_at = workers_of(client)["left"]["started_at"]
        machines.processes["left"].kill()
        machines.processes.pop("left").wait()
        machines.start_worker("left")
        wait_until(lambda: workers_of(client)["left"]["started_at"] != started_at)
        assert set(states_of(client)) == {"left", "right"}
        # What the killed process had started goes on, and holds the only slot of its name.
        assert client.get(f"runs/{held['id']}")["attempt"] == 1

        drained = client.post("workers/right/drain")
        of_right = {run["id"] for run in drained["runs"]}
        not_started = [run for run in runs if not who_started(client, run)]
        ended = ("succeeded", "failed", "cancelled")
        wait_until(lambda: states_of(client)["right"] == "drained")
        wait_until(
            lambda: all(client.get(f"runs/{run}")["status"] in ended for run in runs),
            timeout_s=240,
        )
        found = [client.get(f"runs/{run}") for run in runs]
        assert [(run["status"], run["attempt"]) for run in found] == [("succeeded", 1)] * NUM_RUNS
        assert not_started
        assert {tuple(who_started(client, run)) for run in not_started} == {("left",)}
        assert {tuple(who_started(client, run)) for run in of_right} == {("right",)}
        assert states_of(client) == {"left": "ready", "right": "drained"}

    machines.processes["right"].terminate()
    assert machines.processes.pop("right").wait(timeout=20) == 0
    assert "stopping; runs go on by themselves" in machines.output("right")
