"""A production start without containers: PostgreSQL, an outside Redis, one API, many workers."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import redis

from maye.client import Client
from maye.redis_server import find_free_port, find_redis_server
from tests.platform.living_platform import FAST, ROOT, wait_until

PASSWORD = "outside"


@dataclass
class SeparateProcesses:
    """Every process is started by its own command, as on machines of their own."""

    home: Path
    database_url: str
    api_port: int = field(default_factory=find_free_port)
    redis_port: int = field(default_factory=find_free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> Mapping[str, str]:
        clean = {name: text for name, text in os.environ.items() if not name.startswith("MAYE_")}
        return (
            clean
            | FAST
            | {
                "MAYE_HOME": str(self.home),
                "MAYE_PORT": str(self.api_port),
                "MAYE_API_URL": f"http://127.0.0.1:{self.api_port}",
                "MAYE_DATABASE_URL": self.database_url,
                "MAYE_REDIS_URL": f"redis://:{PASSWORD}@127.0.0.1:{self.redis_port}/0",
            }
        )

    def start(self, name: str, *argv: str) -> None:
        """Start a process; its output goes to a file of its name."""
        with (self.home.parent / f"{name}.txt").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                argv,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start_platform(self) -> None:
        """Redis and the API; returns when both answer."""
        options = ("--port", str(self.redis_port), "--requirepass", PASSWORD)
        self.start("redis", str(find_redis_server()), *options, "--save", "", "--bind", "127.0.0.1")
        broker = redis.Redis(port=self.redis_port, password=PASSWORD)
        wait_until(lambda: answers(broker))
        broker.close()
        self.start("api", sys.executable, "-m", "backend.api")
        wait_until(lambda: "Uvicorn running" in self.output("api"))

    def start_worker(self, name: str) -> None:
        """A worker with a name of its own."""
        self.start(name, sys.executable, "-m", "maye", "worker", "--name", name)

    def output(self, name: str) -> str:
        return (self.home.parent / f"{name}.txt").read_text()

    def client(self) -> Client:
        return Client.from_environment(self.environment)

    def kill_machine(self, worker: str, run_id: str) -> None:
        """Kill -9 of a worker with the runner and the trainer of its run, as when power fails."""
        killed = self.processes.pop(worker)
        killed.kill()
        killed.wait()
        victims = [process for process in self.ours() if run_id in " ".join(process.cmdline())]
        assert len(victims) == 2, victims
        for victim in victims:
            victim.kill()

    def ours(self) -> list[psutil.Process]:
        """Living processes of this installation."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                is_alive = process.status() != psutil.STATUS_ZOMBIE
                if is_alive and process.environ().get("MAYE_HOME") == str(self.home):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def stop(self) -> None:
        """End everything, the workers first."""
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for process in self.ours():
            process.kill()


def answers(broker: redis.Redis) -> bool:
    """Whether Redis is up."""
    try:
        return bool(broker.ping())
    except redis.ConnectionError:
        return False
