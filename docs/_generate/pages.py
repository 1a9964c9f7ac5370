"""Which pages there are, writing them, and whether those on disk are still right."""

import difflib
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from docs._generate.command_line import write_command_line
from docs._generate.configuration import write_configuration
from docs._generate.errors import write_errors
from docs._generate.metrics import write_metrics
from docs._generate.rest import write_bodies, write_rest
from docs._generate.settings import write_settings

PAGES: MappingProxyType[str, Callable[[], str]] = MappingProxyType(
    {
        "configuration.md": write_configuration,
        "metrics.md": write_metrics,
        "rest.md": write_rest,
        "rest-bodies.md": write_bodies,
        "command-line.md": write_command_line,
        "settings.md": write_settings,
        "errors.md": write_errors,
    }
)
"""Content of every generated page by its file name."""

SHOWN_LINES = 20


def write_pages(folder: Path) -> None:
    """Write every page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        (folder / name).write_text(write(), encoding="utf-8")


def find_drift(folder: Path) -> list[str]:
    """Where the pages of a folder differ from what the code says; empty when nowhere."""
    lines: list[str] = []
    for name, write in PAGES.items():
        path = folder / name
        kept = path.read_text(encoding="utf-8") if path.is_file() else ""
        difference = difflib.unified_diff(
            kept.splitlines(),
            write().splitlines(),
            f"{name}, kept",
            f"{name}, now",
            lineterm="",
            n=0,
        )
        lines += list(difference)[:SHOWN_LINES]
    return lines
