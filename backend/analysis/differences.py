"""Where the configurations of an experiment's settings differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from backend.analysis.report import ConfigDifference


def config_differences(configs: Mapping[str, Mapping[str, Any]]) -> tuple[ConfigDifference, ...]:
    """Fields whose values are not the same in all settings that have them.

    A field that only some kinds have (RL's, not SFT's) is no difference between kinds: it counts
    only where two settings that have it differ. Lists are compared whole.

    Args:
        configs: Setting to its configuration.
    """
    flat = {setting: _flat(config) for setting, config in configs.items()}
    paths = dict.fromkeys(path for fields in flat.values() for path in fields)
    return tuple(
        ConfigDifference(path=path, values=values)
        for path in paths
        if _differ(values := {s: fields[path] for s, fields in flat.items() if path in fields})
    )


def _differ(values: Mapping[str, Any]) -> bool:
    first, *others = values.values()
    return any(other != first for other in others)


def _flat(config: Mapping[str, Any], path: Sequence[str] = ()) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in config.items():
        here = (*path, str(name))
        if isinstance(value, Mapping) and value:
            fields.update(_flat(value, here))
        else:
            fields[".".join(here)] = value
    return fields
