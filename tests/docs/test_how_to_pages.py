"""What the how-to pages show is right: commands exist, configurations are valid, programs run."""

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from starlette.testclient import TestClient

from backend.api.app import create_app
from backend.contract.config import parse_config
from backend.contract.datasets import DatasetManifest
from backend.contract.experiments import ExperimentSpec
from backend.contract.settings import PREFIX, Settings
from maye.commands.app import build_app
from tests.docs.markdown_blocks import Block, read_blocks

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    page
    for folder in ("how-to", "tutorial", "explanation")
    for page in (DOCS / folder).glob("*.md")
)
TOP_PAGES = [DOCS / name for name in ("paper.md", "judge.md", "several-devices.md")]
KNOWN = {"bash", "console", "json", "python", "text", "toml", "yaml"}
BASE = {"model": "m", "dataset": "d"}


def blocks_of(*languages: str) -> list[Any]:
    return [
        pytest.param(block, id=block.place)
        for page in (*PAGES, *TOP_PAGES, DOCS / "reference/configuration.md")
        for block in read_blocks(page)
        if block.language in languages
    ]


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    for page in (*PAGES, *TOP_PAGES):
        assert {block.language for block in read_blocks(page)} <= KNOWN, page


@pytest.mark.parametrize("block", blocks_of("yaml"))
def test_configurations_are_those_that_the_platform_takes(block: Block) -> None:
    content = yaml.safe_load(block.body)
    if "splits" in content and "licence" in content:
        DatasetManifest.model_validate(content)
    elif "settings" in content:
        ExperimentSpec.model_validate(content)
    elif "services" in content:
        # An override of ours: its services are those of the compose file.
        services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        assert content["services"].keys() <= services.keys()
    else:
        # A page may show a part alone; the rest is the defaults.
        parse_config({**BASE, **content})


def test_a_wrong_configuration_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```yaml\nparallel:\n  device: 4\n```\n")
    (block,) = read_blocks(page)
    with pytest.raises(ValueError, match="device"):
        test_configurations_are_those_that_the_platform_takes(block)


@pytest.mark.parametrize("block", blocks_of("toml"))
def test_project_files_can_be_read(block: Block) -> None:
    content = tomllib.loads(block.body)
    assert content["project"]["entry-points"]["maye.rewards"]


@pytest.mark.parametrize("block", blocks_of("bash"))
def test_commands_exist_with_these_options(block: Block) -> None:
    subprocess.run(["bash", "-n", "-c", block.body], check=True, timeout=20)
    for words in command_lines(block.body):
        assert_accepted(words, block.place)


def command_lines(script: str) -> Iterator[list[str]]:
    """The calls of `maye` in a script, and a check of the variables that it sets."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        words = words[1:] if words[:1] == ["export"] else words
        while words and "=" in words[0]:
            name = words.pop(0).partition("=")[0]
            if name.startswith(PREFIX):
                assert name.removeprefix(PREFIX).lower() in Settings.model_fields, name
        if words[:1] == ["maye"]:
            yield words


def assert_accepted(words: list[str], place: str) -> None:
    """Find the command and all of its options; values are not looked at."""
    command: Any = typer.main.get_command(build_app())
    rest = words[1:]
    while getattr(command, "commands", None) and rest and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    assert (
        not getattr(command, "commands", None)
        or command.invoke_without_command
        or (set(rest) & {"--version", "--help"})
    ), f"{place}: no command {' '.join(words)!r}"
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    given = {word.partition("=")[0] for word in rest if word.startswith("--")}
    assert given <= known, f"{place}: {' '.join(words)!r} has no option {given - known}"


def test_a_command_that_is_not_there_would_be_found() -> None:
    with pytest.raises(AssertionError, match="no command"):
        assert_accepted(["maye", "fly"], "here")
    with pytest.raises(AssertionError, match="no option"):
        assert_accepted(["maye", "up", "--high"], "here")


@pytest.mark.parametrize("name", ["own-data.md", "own-reward.md"])
def test_programs_run_and_give_what_the_page_says(name: str, tmp_path: Path) -> None:
    for block in read_blocks(DOCS / "how-to" / name):
        if block.title is not None:
            file = tmp_path / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.body)
        elif block.language == "python":
            subprocess.run(
                [sys.executable, "-W", "error", "-c", block.body],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(tmp_path)},
                check=True,
                timeout=60,
            )


@pytest.mark.parametrize("block", blocks_of("python"))
def test_programs_are_python(block: Block) -> None:
    compile(block.body, block.place, "exec")


def test_the_data_set_of_the_page_can_be_imported(tmp_path: Path) -> None:
    """The folder that the page writes passes the platform's own import."""
    settings = Settings(home=tmp_path / "home", relay_s=3600)
    folder = settings.resolved_import_dir
    folder.mkdir(parents=True)
    test_programs_run_and_give_what_the_page_says("own-data.md", folder)
    app = create_app(settings)
    with TestClient(app) as client:
        token = app.state.platform.tokens.admin
        answer = client.post(
            "/api/v1/datasets",
            json={"folder": "my-squares"},
            headers={"Authorization": f"Bearer {token}"},
        )
    assert answer.status_code == 201, answer.text
    splits = {split["name"]: split["num_items"] for split in answer.json()["splits"]}
    assert splits == {"train": 64, "validation": 16, "test": 16}
