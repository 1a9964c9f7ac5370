"""Configurations to submit: from a preset, a YAML file or a dictionary, with values changed."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from maye.api_types import ExperimentPresetInfo, PresetInfo
from maye.errors import CommandError

Preset = TypeVar("Preset", PresetInfo, ExperimentPresetInfo)
MAX_FILE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Draft:
    """A run that is about to be submitted."""

    title: str
    """For its name."""
    config: Mapping[str, Any]
    preset: str | None = None
    """The preset that it started from: its configuration names every field."""

    def change(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration with values changed.

        Raises:
            CommandError: a path leads nowhere.
        """
        change = with_changes if self.preset is None else with_known_changes
        return change(self.config, changes)


def draft_run(
    what: str | Path | Mapping[str, Any], load_presets: Callable[[], Sequence[PresetInfo]]
) -> Draft:
    """The run that somebody means.

    Args:
        what: the slug of a preset; the path of a YAML file that holds a configuration, or `title`
            and `config` as preset files do; or a configuration.
        load_presets: asks the platform for its presets.

    Raises:
        CommandError: there is no such preset or file.
    """
    if isinstance(what, str):
        entry = find_preset(load_presets(), what)
        return Draft(entry["title"], dict(entry["config"]), what)
    if isinstance(what, Path):
        what = read_yaml(what)
    config = what["config"] if isinstance(what.get("config"), Mapping) else what
    title = what.get("title") if config is not what else None
    about = f"{config.get('model', 'a model')} on {config.get('dataset', 'a data set')}"
    return Draft(str(title or f"{config.get('kind', 'rl')}: {about}"), config)


def find_preset(presets: Sequence[Preset], slug: str) -> Preset:
    """The preset of a slug.

    Raises:
        CommandError: there is none, or it cannot be launched now.
    """
    found = next((entry for entry in presets if entry["slug"] == slug), None)
    if found is None:
        allowed = ", ".join(sorted(entry["slug"] for entry in presets)) or "none"
        raise CommandError(f"there is no preset {slug!r} (allowed: {allowed})")
    if found["unavailable_because"]:
        raise CommandError(f"preset {slug} cannot be launched: {found['unavailable_because']}")
    return found


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file with a mapping.

    Raises:
        CommandError: it cannot be read, is too large, or holds something else.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CommandError(f"{path} has more than {MAX_FILE_BYTES} bytes")
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise CommandError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise CommandError(f"{path} must hold keys with values, got {type(content).__name__}")
    return content


def with_changes(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a configuration with values changed.

    Args:
        config: as the platform takes it; a group that is left out has its defaults.
        changes: value by dotted path, for example `{"algorithm.clip_low": 0.1}`.

    Raises:
        CommandError: a path leads through something that is no group.

    >>> with_changes({"epochs": 1}, {"epochs": 2, "data.max_prompt_tokens": 64})
    {'epochs': 2, 'data': {'max_prompt_tokens': 64}}
    """
    changed = deepcopy(dict(config))
    for path, value in changes.items():
        *parents, last = path.split(".")
        part = changed
        for name in parents:
            part = part.setdefault(name, {})
            if not isinstance(part, dict):
                raise CommandError(f"{path!r}: {name!r} is no group of the configuration")
        part[last] = value
    return changed


def with_known_changes(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """As `with_changes`, where the configuration names every field.

    Raises:
        CommandError: there is no such field.
    """
    for path in changes:
        *parents, last = path.split(".")
        part: Any = config
        for name in parents:
            part = part.get(name) if isinstance(part, Mapping) else None
        if not isinstance(part, Mapping) or last not in part:
            allowed = ", ".join(sorted(part)) if isinstance(part, Mapping) else "no fields"
            raise CommandError(
                f"the configuration has no field {path!r} (allowed there: {allowed})"
            )
    return with_changes(config, changes)
