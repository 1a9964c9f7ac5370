"""One living platform for the file of commands, and the command line in processes of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.platform.living_platform import LivingPlatform, publish_tiny, tiny_config

Result = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class CommandLine:
    """`maye` as a person calls it."""

    environ: Mapping[str, str]
    folder: Path

    def __call__(self, *arguments: str, **variables: str) -> Result:
        """Exit code and output; standard input is no terminal."""
        return subprocess.run(
            [sys.executable, "-m", "maye", *arguments],
            cwd=self.folder,
            env={**self.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def write(self, name: str, content: Any) -> str:
        """A YAML file in the folder of the calls."""
        (self.folder / name).write_text(yaml.safe_dump(content))
        return name


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingPlatform]:
    """`maye up` with a tiny data set and model; nothing of it is left behind."""
    platform = LivingPlatform(tmp_path_factory.mktemp("platform") / "home")
    try:
        platform.start()
        publish_tiny(platform)
        yield platform
    finally:
        platform.stop()
    assert platform.processes() == []


@pytest.fixture(scope="module")
def maye(platform: LivingPlatform, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The command line of that platform, in an empty folder."""
    root = Path(__file__).resolve().parents[2]
    environ = {**platform.environment, "PYTHONPATH": str(root), "COLUMNS": "120"}
    return CommandLine(environ, tmp_path_factory.mktemp("calls"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The command line where there is no platform."""
    folder = tmp_path_factory.mktemp("alone")
    root = Path(__file__).resolve().parents[2]
    clean = {name: text for name, text in os.environ.items() if not name.startswith("MAYE_")}
    return CommandLine({**clean, "PYTHONPATH": str(root), "COLUMNS": "120"}, folder)


@pytest.fixture(scope="module")
def short_run(maye: CommandLine) -> Callable[[], Result]:
    """Submits a run of a few seconds from a file and watches it."""
    content = {"name": "Short [run]", "priority": 3, "config": tiny_config(epochs=1)}
    file = maye.write("short.yaml", content)
    return lambda: maye("submit", file, "--watch", "--set", "seed=7", "--json")
