"""Ready configurations: the YAML files beside this module, one per preset."""

from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from backend.contract.config import RunConfig, parse_config

_KEYS = {"title", "description", "config"}


@dataclass(frozen=True, slots=True)
class Preset:
    """A configuration that people can launch as it is."""

    slug: str
    """Name of its file."""
    title: str
    """Name for people."""
    description: str
    """What it does, how long it takes, what it needs."""
    config: RunConfig
    """The configuration."""


def load_presets() -> tuple[Preset, ...]:
    """All presets by slug.

    Raises:
        ValueError: a file has other keys than title, description and config, or a bad
            configuration.
    """
    folder = resources.files("backend.contract") / "presets"
    if not folder.is_dir():
        return ()
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".yaml")),
        key=lambda file: file.name,
    )
    return tuple(
        _parse(file.name.removesuffix(".yaml"), file.read_text(encoding="utf-8")) for file in files
    )


def _parse(slug: str, text: str) -> Preset:
    content: Any = yaml.safe_load(text)
    if not isinstance(content, dict) or set(content) != _KEYS:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError(f"preset {slug!r} must have exactly the keys {sorted(_KEYS)}")
    config = parse_config(content["config"])  # pyright: ignore[reportUnknownArgumentType]
    return Preset(slug, str(content["title"]), str(content["description"]), config)  # pyright: ignore[reportUnknownArgumentType]
