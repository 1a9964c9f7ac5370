"""What a check found, and what a check is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from backend.contract.artifacts import Home
from backend.contract.settings import Settings


class Status(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, but not as one may expect."""
    ERROR = "error"
    """Something will not work until it is cured."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check."""

    name: str
    """What was looked at, for example `redis`."""
    status: Status
    found: str
    """What was found, and where."""
    cure: str = ""
    """A command to run, or what to change; empty when nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """The installation that is examined."""

    environ: Mapping[str, str]
    settings: Settings

    @property
    def home(self) -> Home:
        """Its folder of all state."""
        return self.settings.paths

    @property
    def api_url(self) -> str:
        """Where its API is: MAYE_API_URL, else where the platform of its folder serves."""
        served_at: Path = self.home.root / "address"
        if "MAYE_API_URL" not in self.environ and served_at.is_file():
            return served_at.read_text(encoding="ascii").strip()
        return self.settings.api_url

    @property
    def is_on_this_machine(self) -> bool:
        """Whether this machine is to serve: no other address was named."""
        return "MAYE_API_URL" not in self.environ


def ok(name: str, found: str) -> Finding:
    """Nothing is wrong."""
    return Finding(name, Status.OK, found)


def warning(name: str, found: str, cure: str) -> Finding:
    """It works, but not as one may expect."""
    return Finding(name, Status.WARNING, found, cure)


def error(name: str, found: str, cure: str) -> Finding:
    """Something will not work."""
    return Finding(name, Status.ERROR, found, cure)
