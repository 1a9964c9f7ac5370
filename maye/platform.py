"""The embedded platform: Redis, API and one worker under MAYE_HOME, started, tended and stopped."""

import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import httpx
import psutil

from backend.contract.settings import Settings
from maye.errors import CommandError
from maye.redis_server import build_redis, find_free_port
from maye.service import Service

TICK_S = 0.1
START_S = 60.0
"""Longest wait for a process to be ready at the start."""
RUNNER_STOP_S = 20.0
"""Longest wait for pre-empted runners: their trainers' grace and shipping what is left."""


class StopAskedError(Exception):
    """The platform was asked to stop (Ctrl-C or SIGTERM)."""


@dataclass(slots=True)
class Platform:
    """A running installation; all methods belong to the main thread."""

    home: Path
    address: str
    say: Callable[[str], None]
    """Tells a person what happens."""
    services: list[Service] = field(default_factory=list)
    """In the order in which they were started."""
    is_asked_to_stop: bool = False

    def ask_to_stop(self) -> None:
        """Make the next `wait` raise StopAskedError; safe in a signal handler."""
        self.is_asked_to_stop = True

    def wait(self, seconds: float) -> None:
        """Let time pass while restarting what dies.

        Raises:
            StopAskedError: the platform was asked to stop.
        """
        deadline = time.monotonic() + seconds
        while True:
            if self.is_asked_to_stop:
                raise StopAskedError
            for service in self.services:
                news = service.tend()
                if news:
                    self.say(news)
            rest = deadline - time.monotonic()
            if rest <= 0:
                return
            time.sleep(min(TICK_S, rest))

    def start(self, service: Service, is_ready: Callable[[], bool]) -> None:
        """Start a service and wait until it is ready.

        Raises:
            CommandError: it died or did not get ready; with the end of its log.
        """
        service.start()
        self.services.append(service)
        deadline = time.monotonic() + START_S
        while not is_ready():
            if self.is_asked_to_stop:
                raise StopAskedError
            if not service.is_alive or time.monotonic() > deadline:
                raise CommandError(
                    f"{service.name} did not start ({service.describe_exit()}); the end of "
                    f"{service.log}:\n{service.last_words()}"
                )
            time.sleep(TICK_S)

    def stop(self) -> None:
        """Stop everything: first the worker, so that nothing new begins, then what runs."""
        for service in reversed(self.services):
            service.stop(grace_s=5.0)
            if service.name == "worker":
                stop_runners(self.home)
        self.services.clear()


def stop_runners(home: Path) -> None:
    """Ask the runners of an installation to stop (their runs go on later), and wait for them."""
    runners = [process for process in psutil.process_iter() if _is_runner_of(process, home)]
    for runner in runners:
        runner.terminate()
    _, alive = psutil.wait_procs(runners, timeout=RUNNER_STOP_S)
    for runner in alive:
        runner.kill()
    psutil.wait_procs(alive, timeout=5.0)


def _is_runner_of(process: psutil.Process, home: Path) -> bool:
    """Whether a process is a runner of this installation."""
    try:
        argv = process.cmdline()
    except psutil.Error:
        return False
    expected = ["-m", "worker.runner", "--home", str(home)]
    return any(argv[start : start + 4] == expected for start in range(len(argv)))


@contextmanager
def serving(environ: Mapping[str, str], say: Callable[[str], None]) -> Iterator[Platform]:
    """The platform while the block runs; everything is stopped at its end.

    Raises:
        CommandError: something cannot be started, or the folder is in use.
        StopAskedError: Ctrl-C or SIGTERM.
    """
    settings = Settings.from_environment(environ)
    home = settings.paths.root
    home.mkdir(parents=True, exist_ok=True)
    with locked(home):
        port = _choose_port(settings, is_fixed="MAYE_PORT" in environ, say=say)
        local_host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        platform = Platform(home=home, address=f"http://{local_host}:{port}", say=say)
        handlers = {
            number: signal.signal(number, lambda *_: platform.ask_to_stop())
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            _start_all(platform, settings, dict(environ) | {"MAYE_PORT": str(port)})
            yield platform
        finally:
            platform.stop()
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _start_all(platform: Platform, settings: Settings, environment: dict[str, str]) -> None:
    """Start Redis (unless there is one), API and worker, each once the one before is ready."""
    home = platform.home
    environment |= {
        "MAYE_HOME": str(home),
        "MAYE_API_URL": platform.address,
        "PYTHONUNBUFFERED": "1",
    }
    if not settings.redis_url:
        redis, service = build_redis(home)
        environment["MAYE_REDIS_URL"] = redis.url
        platform.start(service, redis.is_ready)
    api = _build_service("api", "backend.api", environment, home)
    platform.start(api, lambda: _is_healthy(platform.address))
    (home / "address").write_text(platform.address + "\n", encoding="ascii")
    worker = _build_service("worker", "worker.celery_app", environment, home)
    platform.start(worker, lambda: True)


def _build_service(name: str, module: str, environment: dict[str, str], home: Path) -> Service:
    """A process of our own code."""
    return Service(
        name=name,
        argv=[sys.executable, "-m", module],
        environment=environment,
        log=home / "log" / f"{name}.log",
    )


def _is_healthy(address: str) -> bool:
    """Whether the API answers."""
    try:
        return httpx.get(f"{address}/healthz", timeout=2.0, trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def locked(home: Path) -> Iterator[TextIO]:
    """The only holder of a folder.

    Raises:
        CommandError: somebody else holds it.
    """
    with (home / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CommandError(
                f"{home} is in use: a platform runs there already (process {holder}). Stop it, or "
                "set MAYE_HOME to another folder"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file


def _choose_port(settings: Settings, *, is_fixed: bool, say: Callable[[str], None]) -> int:
    """The port to serve at.

    Raises:
        CommandError: the port that the user asked for is taken.
    """
    if settings.port and _is_free(settings.host, settings.port):
        return settings.port
    if settings.port and is_fixed:
        raise CommandError(
            f"port {settings.port} of {settings.host} is taken (MAYE_PORT): choose another one"
        )
    port = find_free_port()
    if settings.port:
        say(f"port {settings.port} is taken: using {port} (MAYE_PORT sets it)")
    return port


def _is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
