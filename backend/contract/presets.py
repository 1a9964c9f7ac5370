"""Ready configurations and experiments: the YAML files beside this module, one per preset."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from backend.contract.config import RunConfig, parse_config
from backend.contract.experiments import ExperimentSpec


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


@dataclass(frozen=True, slots=True)
class ExperimentPreset:
    """An experiment that people can launch as it is."""

    slug: str
    """Name of its file."""
    title: str
    """Name for people, and of the experiment."""
    description: str
    """What it does, how long it takes, what it needs."""
    spec: ExperimentSpec
    """The experiment."""


def load_presets() -> tuple[Preset, ...]:
    """All presets of runs by slug.

    Raises:
        ValueError: a file has other keys than title, description and config, or a bad
            configuration.
    """
    return tuple(
        Preset(slug, str(content["title"]), str(content["description"]), parse_config(config))
        for slug, content, config in _read("presets", "config")
    )


def load_experiment_presets() -> tuple[ExperimentPreset, ...]:
    """All presets of experiments by slug.

    Raises:
        ValueError: a file has other keys than title, description and experiment, or a bad
            experiment.
    """
    return tuple(
        ExperimentPreset(
            slug,
            str(content["title"]),
            str(content["description"]),
            ExperimentSpec.model_validate({"name": content["title"], **experiment}),
        )
        for slug, content, experiment in _read("presets/experiments", "experiment")
    )


def _read(folder: str, main_key: str) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Slug, content and the value under main_key of every file in a folder, by name."""
    root = resources.files("backend.contract").joinpath(*folder.split("/"))
    if not root.is_dir():
        return
    files = (file for file in root.iterdir() if file.name.endswith(".yaml"))
    for file in sorted(files, key=lambda file: file.name):
        slug = file.name.removesuffix(".yaml")
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        keys = {"title", "description", main_key}
        if not isinstance(content, dict) or set(content) != keys:  # pyright: ignore[reportUnknownArgumentType]
            raise ValueError(f"preset {slug!r} must have exactly the keys {sorted(keys)}")
        yield slug, content, content[main_key]  # pyright: ignore[reportUnknownMemberType]
