"""The built wheel, and clean virtual environments that it is truly installed into."""

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Installation:
    """A virtual environment that holds the wheel, and nothing of the checkout."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def maye(self) -> Path:
        return self.folder / "bin" / "maye"

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run its Python."""
        return subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            env=bare_environment(cwd),
            capture_output=True,
            text=True,
            check=False,
        )


def bare_environment(folder: Path) -> dict[str, str]:
    """Of a machine that has nothing: an empty PATH (no Node.js, no redis-server), an empty HOME."""
    for name in ("home", "path"):
        (folder / name).mkdir(exist_ok=True)
    return {
        "PATH": str(folder / "path"),
        "HOME": str(folder / "home"),
        "OMP_NUM_THREADS": "1",
        # Who sees no CUDA device here must not see one there.
        **{name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in os.environ},
    }


def install(wheel: Path, extras: str, folder: Path) -> Installation:
    """A clean virtual environment with the wheel, as a person would install it."""
    venv.create(folder, with_pip=True)
    installation = Installation(folder)
    command = [installation.python, "-m", "pip", "install", "--quiet"]
    command += ["--constraint", ROOT / "constraints.txt", f"{wheel}[{extras}]"]
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return installation


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make wheel` builds."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, ROOT]
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def api_alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel with what the API needs, as in its image: no torch."""
    return install(wheel, "api", tmp_path_factory.mktemp("api") / "venv")
