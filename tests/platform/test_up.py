"""The whole platform in real processes: what dies comes back, and no run is lost."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import redis

from maye.redis_server import PrivateRedis
from tests.platform.living_platform import (
    ROOT,
    LivingPlatform,
    tiny_config,
    wait_until,
)

TERMINAL = ("succeeded", "failed", "cancelled")


def run_maye(platform: LivingPlatform, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "maye", *arguments],
        cwd=ROOT,
        env=platform.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def broker_of(platform: LivingPlatform) -> PrivateRedis:
    lines = (platform.home / "redis" / "redis.conf").read_text().splitlines()
    options = dict(line.split(" ", 1) for line in lines)
    return PrivateRedis(port=int(options["port"]), password=options["requirepass"])


def test_a_second_start_in_the_same_folder_is_refused(platform: LivingPlatform) -> None:
    refused = run_maye(platform, "up")
    assert refused.returncode == 1
    assert "is in use" in refused.stderr
    assert platform.process is not None
    assert str(platform.process.pid) in refused.stderr


def test_secrets_are_private_and_in_no_command_line(platform: LivingPlatform) -> None:
    broker = broker_of(platform)
    secrets = [broker.password]
    for name in ("admin-token", "worker-token"):
        file = platform.home / name
        assert file.stat().st_mode & 0o077 == 0
        secrets.append(file.read_text().strip())
    lines = [" ".join(process.cmdline()) for process in platform.processes()]
    logs = [path.read_text() for path in (platform.home / "log").iterdir()]
    for secret in secrets:
        assert not any(secret in text for text in (*lines, *logs, platform.output))
    assert (platform.home / "redis" / "redis.conf").stat().st_mode & 0o077 == 0


def test_no_run_is_lost_when_redis_forgets_and_the_worker_is_killed(
    platform: LivingPlatform,
) -> None:
    with platform.client() as client:
        first = client.launch("first", tiny_config(epochs=2))["id"]
        wait_until(lambda: client.run(first)["status"] in ("starting", "running"))
        second = client.launch("second", tiny_config(epochs=1, seed=1))["id"]
        assert client.run(second)["status"] == "queued"
        with redis.Redis.from_url(broker_of(platform).url) as connection:
            connection.flushall()
        for process in platform.redis():
            process.kill()
        platform.kill_service("worker")
        wait_until(lambda: "redis was started again" in platform.output)
        wait_until(lambda: "worker was started again" in platform.output)
        for run_id in (first, second):
            wait_until(lambda id=run_id: client.run(id)["status"] in TERMINAL, timeout_s=150)
            run = client.run(run_id)
            assert (run["status"], run["reason"], run["attempt"]) == ("succeeded", None, 1)
        steps = [point["rl_step"] for point in client.series(first, "training/accuracy")]
        assert steps == list(range(1, 5))
        assert client.log(first)["is_complete"]


def test_the_command_line_shows_and_launches_runs(platform: LivingPlatform) -> None:
    listed = run_maye(platform, "runs")
    assert listed.returncode == 0
    assert "first" in listed.stdout
    with platform.client() as client:
        run_id = next(client.runs())["id"]
    shown = run_maye(platform, "show", run_id, "--json")
    assert '"config"' in shown.stdout
    assert run_maye(platform, "logs", run_id).returncode == 0
    unknown = run_maye(platform, "submit", "--preset", "none")
    assert unknown.returncode == 1
    assert "allowed: " in unknown.stderr
    bad = run_maye(platform, "submit", "--preset", "quickstart", "--set", "algorithm.clip=1")
    assert bad.returncode == 1


def test_cancel_from_the_command_line_ends_the_trainer(platform: LivingPlatform) -> None:
    with platform.client() as client:
        run_id = client.launch("endless", tiny_config(epochs=10_000))["id"]
        wait_until(lambda: client.run(run_id)["status"] == "running")
        assert run_maye(platform, "cancel", run_id).returncode == 0
        wait_until(lambda: client.run(run_id)["status"] == "cancelled", timeout_s=10)
    wait_until(lambda: not platform.processes("worker.rl"), timeout_s=5)


def test_a_run_goes_on_after_a_stop_of_the_platform(platform: LivingPlatform) -> None:
    with platform.client() as client:
        run_id = client.launch("interrupted", tiny_config(epochs=15))["id"]
        wait_until(lambda: client.get(f"runs/{run_id}/checkpoints"))
    assert platform.stop() == 0
    assert platform.processes() == []
    platform.start()
    with platform.client() as client:
        assert client.run(run_id)["attempt"] in (1, 2)
        wait_until(lambda: client.run(run_id)["attempt"] == 2)
        wait_until(lambda: client.run(run_id)["status"] in TERMINAL, timeout_s=150)
        run = client.run(run_id)
        assert (run["status"], run["rl_step"]) == ("succeeded", 30)
        steps = [point["rl_step"] for point in client.series(run_id, "training/accuracy")]
        assert steps == list(range(1, 31))
        events = client.get(f"runs/{run_id}/events")
    assert any("pre-empted" in (event["reason"] or "") for event in events)


def test_a_killed_platform_leaves_no_service_behind(tmp_path: Path) -> None:
    platform = LivingPlatform(tmp_path / "home")
    platform.start()
    assert platform.process is not None
    children = psutil.Process(platform.process.pid).children()
    assert len(children) == 3
    platform.process.kill()
    platform.process.wait()
    _, alive = psutil.wait_procs(children, timeout=15.0)
    assert alive == []


def test_a_port_that_the_user_asked_for_and_is_taken_is_refused(tmp_path: Path) -> None:
    platform = LivingPlatform(tmp_path / "home")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", platform.port))
        taken.listen()
        refused = run_maye(platform, "up")
    assert refused.returncode == 1
    assert f"port {platform.port}" in refused.stderr


def test_settings_out_of_range_are_named(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "maye", "up"],
        cwd=ROOT,
        env=os.environ | {"MAYE_HOME": str(tmp_path), "MAYE_LEASE_S": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert "MAYE_LEASE_S" in told.stderr
    assert "Traceback" not in told.stderr


def test_help_lists_the_commands() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "maye", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for command in ("up", "demo", "runs", "submit"):
        assert command in told.stdout
