"""Whatever dies in mid-run, the finished run equals one that nothing happened to."""

from typing import Any

import pytest

from maye.client import AwayError, Client
from tests.databases import ON_BOTH_DATABASES
from tests.platform.living_platform import LivingPlatform, tiny_config, wait_until

pytestmark = ON_BOTH_DATABASES
EPOCHS = 8
TERMINAL = ("succeeded", "failed", "cancelled")
Curves = dict[str, list[tuple[int, Any]]]


def curves_of(client: Client, run_id: str) -> Curves:
    """Every logged metric but times and memory, as (rl_step, value)."""
    keys = [entry["key"] for entry in client.metric_keys(run_id)]
    return {
        key: [(point["rl_step"], point["value"]) for point in client.series(run_id, key)]
        for key in keys
        if not key.startswith("health/")
    }


def finish(client: Client, run_id: str) -> dict[str, Any]:
    wait_until(lambda: client.run(run_id)["status"] in TERMINAL, timeout_s=200)
    run = client.run(run_id)
    assert (run["status"], run["reason"]) == ("succeeded", None)
    return run


@pytest.fixture(scope="module")
def undisturbed(platform: LivingPlatform) -> Curves:
    """The curves of a run that nothing happened to."""
    with platform.client() as client:
        run_id = client.launch("undisturbed", tiny_config(epochs=EPOCHS))["id"]
        finish(client, run_id)
        curves = curves_of(client, run_id)
    assert [step for step, _ in curves["training/accuracy"]] == list(range(1, 2 * EPOCHS + 1))
    return curves


@pytest.mark.parametrize(
    ("victim", "attempts"), [("trainer", 2), ("runner", 2), ("api", 1), ("worker", 1)]
)
def test_no_point_is_lost_doubled_or_changed_when_something_is_killed(
    platform: LivingPlatform, undisturbed: Curves, victim: str, attempts: int
) -> None:
    with platform.client() as client:
        run_id = client.launch(f"{victim} dies", tiny_config(epochs=EPOCHS))["id"]
        wait_until(lambda: client.run(run_id)["rl_step"] >= 3)
        kill(platform, victim)
    wait_until(lambda: is_answering(platform))
    with platform.client() as client:
        run = finish(client, run_id)
        assert run["attempt"] == attempts
        assert curves_of(client, run_id) == undisturbed
        samples = client.get(f"runs/{run_id}/samples")
        assert samples["rl_steps"] == list(range(1, 2 * EPOCHS + 1))


def kill(platform: LivingPlatform, victim: str) -> None:
    """Kill -9 a process of the running run, or a service."""
    modules = {"trainer": "worker.rl", "runner": "worker.runner"}
    if victim in modules:
        for process in platform.processes(modules[victim]):
            process.kill()
    else:
        platform.kill_service(victim)


def is_answering(platform: LivingPlatform) -> bool:
    """True once the API answers (again)."""
    try:
        with platform.client() as client:
            client.get("session")
    except AwayError:
        return False
    return True
