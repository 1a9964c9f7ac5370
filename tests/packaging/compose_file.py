"""docker-compose.yml and the Dockerfiles, read as docker reads them, to be carried out here."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

COMPOSE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}")


class MissingVariableError(Exception):
    """A variable that the file asks for is not set."""


def read_compose(variables: dict[str, str]) -> dict[str, Any]:
    """The file with its variables put in.

    Raises:
        MissingVariableError: one that must be set is not; with the file's message.
    """
    return _interpolate(yaml.safe_load(COMPOSE.read_text()), variables)


def _interpolate(node: Any, variables: dict[str, str]) -> Any:
    if isinstance(node, dict):
        return {key: _interpolate(value, variables) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolate(value, variables) for value in node]
    if not isinstance(node, str):
        return node

    def put_in(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        value = variables.get(match["name"], "")
        if not value and match["kind"] == "?":
            raise MissingVariableError(f"{match['name']}: {match['rest']}")
        return value or (match["rest"] or "" if match["kind"] == "-" else "")

    return _VARIABLE.sub(put_in, node)


def environment_of(service: dict[str, Any], variables: dict[str, str]) -> dict[str, str]:
    """What a container of the service gets: a variable without value comes from outside, if set."""
    given = {
        name: variables.get(name) if value is None else str(value)
        for name, value in service.get("environment", {}).items()
    }
    return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Dockerfile:
    """Instructions of a Dockerfile, lines joined."""

    path: Path
    instructions: list[tuple[str, str]]

    @classmethod
    def read(cls, path: Path) -> "Dockerfile":
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
        pairs = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
        return cls(path, [(name, rest) for name, rest in pairs])

    def last_stage(self) -> list[tuple[str, str]]:
        """Instructions of the image itself."""
        start = max(i for i, (name, _) in enumerate(self.instructions) if name == "FROM")
        return self.instructions[start:]

    def all_of(self, name: str) -> list[str]:
        return [rest for found, rest in self.instructions if found == name]

    def one(self, name: str) -> str:
        (found,) = [rest for instruction, rest in self.last_stage() if instruction == name]
        return found

    @property
    def command(self) -> list[str]:
        return json.loads(self.one("CMD"))

    @property
    def health_check(self) -> list[str]:
        return json.loads(self.one("HEALTHCHECK").partition(" CMD ")[2])

    @property
    def environment(self) -> dict[str, str]:
        words = [
            word for rest in self.last_stage() if rest[0] == "ENV" for word in shlex.split(rest[1])
        ]
        return dict(word.split("=", 1) for word in words)


DOCKERFILES = [Dockerfile.read(path) for path in sorted((ROOT / "docker").glob("*.Dockerfile"))]
API, WORKER = DOCKERFILES
