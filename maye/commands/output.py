"""What a command prints: for people by default, JSON and nothing else on stdout with `--json`."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console, RenderableType
from rich.syntax import Syntax

LOG_WIDTH = 200
"""Columns where there is no terminal: lines in files and pipes are not broken."""

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")
]


def build_console(*, is_for_errors: bool = False) -> Console:
    """A console of standard output or error: colours in a terminal alone, none with NO_COLOR."""
    stream = sys.stderr if is_for_errors else sys.stdout
    width = None if stream.isatty() else LOG_WIDTH
    # Names and texts that people and models wrote are no markup.
    return Console(
        stderr=is_for_errors,
        width=width,
        soft_wrap=True,
        highlight=False,
        markup=False,
        emoji=False,
    )


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's words go."""

    is_json: bool = False
    console: Console = field(default_factory=build_console)
    """Standard output."""
    errors: Console = field(default_factory=lambda: build_console(is_for_errors=True))
    """Standard error."""

    def say(self, text: str) -> None:
        """A sentence for people; on standard error where standard output is for JSON."""
        console = self.errors if self.is_json else self.console
        console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """A sentence on standard error."""
        self.errors.print(text, markup=False)

    def show(self, data: Any, *shown: RenderableType) -> None:
        """The command's result: data for `--json`, tables and text for people."""
        if self.is_json:
            sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
            return
        for part in shown:
            self.console.print(part, markup=False)

    def in_yaml(self, data: Any) -> RenderableType:
        """Data as YAML: coloured in a terminal, elsewhere as it is."""
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
        if not self.console.is_terminal:
            return text.removesuffix("\n")
        return Syntax(text, "yaml", background_color="default")

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Turn a spinner on standard error while the block runs; silent without a terminal."""
        if not self.errors.is_terminal:
            yield
            return
        with self.errors.status(text):
            yield
