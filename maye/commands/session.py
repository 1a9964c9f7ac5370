"""What every command begins with: the environment with the global options, and its output."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import typer
from pydantic import ValidationError

from backend.contract.settings import PREFIX, Settings
from maye.client import Client
from maye.commands.output import Output
from maye.errors import WrongUsageError


@dataclass(frozen=True)
class Session:
    """One call of `maye`."""

    environ: Mapping[str, str]
    """The environment, with `--home` and `--api-url` in place of their variables."""
    output: Output

    @classmethod
    def of(cls, context: typer.Context, *, as_json: bool = False) -> "Session":
        """The session of a command."""
        return cls(build_environment(context), Output(is_json=as_json))

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment.

        Raises:
            WrongUsageError: a variable is out of range.
        """
        try:
            return Settings.from_environment(self.environ)
        except ValidationError as error:
            problems = [
                f"{PREFIX}{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']} "
                f"(got {problem['input']!r})"
                for problem in error.errors()
            ]
            raise WrongUsageError("\n".join(problems)) from error

    def connect(self) -> Client:
        """A client of the platform.

        Raises:
            CommandError: there is no token, or a variable is out of range.
        """
        # Read first: their faults are told in words.
        _ = self.settings
        return Client.from_environment(self.environ)


def build_environment(context: typer.Context) -> dict[str, str]:
    """The environment of a call: the global options stand for their variables."""
    options = context.find_root().params
    given = {"MAYE_HOME": options.get("home"), "MAYE_API_URL": options.get("api_url")}
    return dict(os.environ) | {name: str(text) for name, text in given.items() if text}
