"""Help, version and usage of every command, without a platform."""

from collections.abc import Iterator

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

import maye
from maye.commands.app import build_app


def every_command() -> Iterator[tuple[str, ...]]:
    def walk(group: TyperGroup, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for name, command in group.commands.items():
            yield (*path, name)
            if isinstance(command, TyperGroup):
                yield from walk(command, (*path, name))

    root = typer.main.get_command(build_app())
    assert isinstance(root, TyperGroup)
    yield from walk(root, ())


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_every_command_explains_itself_and_refuses_unknown_options(path: tuple[str, ...]) -> None:
    runner, app = CliRunner(), build_app()
    told = runner.invoke(app, [*path, "--help"])
    assert told.exit_code == 0
    assert "Usage: " in told.stdout
    refused = runner.invoke(app, [*path, "--nonsense"])
    assert refused.exit_code == 2
    assert "--nonsense" in refused.stderr


def test_the_overview_lists_commands_and_exit_codes() -> None:
    told = CliRunner().invoke(build_app(), ["--help"])
    for command in ("up", "demo", "submit", "watch", "compare", "evaluate", "report", "worker"):
        assert f" {command} " in told.stdout
    assert "130 Ctrl-C" in told.stdout


def test_the_version_is_told() -> None:
    told = CliRunner().invoke(build_app(), ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"maye {maye.__version__}\n")


def test_commands_without_arguments_show_their_help() -> None:
    for group in ("dataset", "model", "experiment", "token"):
        told = CliRunner().invoke(build_app(), [group])
        assert told.exit_code == 2
        assert "Usage: " in told.stdout + told.stderr
