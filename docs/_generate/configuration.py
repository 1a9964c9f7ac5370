"""Every field of the configuration of runs and experiments."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from backend.contract.config import RunConfig
from backend.contract.config.algorithm import ALGORITHM_DEFAULTS
from backend.contract.experiments import EQUAL_FIELDS, ExperimentSpec
from backend.contract.presets import load_experiment_presets, load_presets
from docs._generate.json_schema import (
    Schema,
    describe_bounds,
    describe_default,
    describe_field,
    describe_type,
    referred,
)
from docs._generate.markdown import anchor, code, head, join, sentence, table

KINDS_OF_RUNS = (
    ("RLConfig", "Reinforcement learning"),
    ("SFTConfig", "Supervised fine-tuning"),
    ("EvaluationRunConfig", "Evaluation"),
)
"""Configurations of whole runs, and their titles."""

INTRODUCTION = """\
A run is told what to do by one configuration. It is closed: an unknown key is refused, and so is a
value out of range or one that contradicts another, by the field's name. What you leave out takes
the default; the defaults of reinforcement learning are the paper's values. Batch sizes are global,
whatever the number of devices.

On the command line a field is written by its path: `--set algorithm.clip_low=0.1`. In a file it is
YAML:

```yaml
kind: rl
model: workbench-base
dataset: workbench-vision
algorithm:
  clip_low: 0.1
```"""


def write_configuration() -> str:
    """The page."""
    schema = TypeAdapter[Any](RunConfig).json_schema()
    parts: Mapping[str, Schema] = schema["$defs"]
    blocks = [head("Configuration", "`backend/contract/config/`"), INTRODUCTION]
    for name, title in KINDS_OF_RUNS:
        kind = parts[name]["properties"]["kind"]["const"]
        blocks += [f"## {title} {{ #{name} }}", sentence(parts[name]["description"])]
        blocks += [f"`kind: {kind}`", _fields(name, parts, "")]
    blocks += ["## Parts", "Each part is a key of the configurations above."]
    for name in _in_order(parts):
        paths = _paths_of(name, parts)
        prefix = paths[0][1]
        kinds = ", ".join(dict.fromkeys(kind for kind, _ in paths))
        blocks += [
            f"### {code(prefix)}: {name} {{ #{name} }}",
            sentence(parts[name]["description"]),
        ]
        blocks += [f"In the configuration of: {kinds}.", _fields(name, parts, prefix)]
    blocks += [*_algorithms(), *_experiments(), *_presets()]
    return join(blocks)


@cache
def written_parts() -> frozenset[str]:
    """Names of the schemas that the page describes."""
    parts = TypeAdapter[Any](RunConfig).json_schema()["$defs"]
    return frozenset({*parts, "ExperimentSpec", "ExperimentSetting"})


def _link(name: str) -> str:
    return f"[{name}](#{name})"


def _fields(owner: str, parts: Mapping[str, Schema], prefix: str) -> str:
    """The fields of a part.

    Args:
        owner: the part's name.
        parts: all parts by name.
        prefix: path of the part in a configuration.
    """
    part = parts[owner]
    required = part.get("required", ())
    rows: list[tuple[str, ...]] = []
    for name, field in part["properties"].items():
        path = f"{prefix}.{name}" if prefix else name
        unit = field.get("unit")
        words = [describe_type(field, _link) + (f", in {unit}" if unit else "")]
        rows.append(
            (
                anchor(f"{owner}.{name}") + code(path),
                "; ".join([*words, *describe_bounds(field)]),
                describe_default(field, is_required=name in required),
                # Where a field says the same as its part, the schema says it once.
                describe_field(field) or describe_field(parts.get(referred(field) or "", {})),
            )
        )
    return table(("Field", "Type and range", "Default", "Meaning"), rows)


def _in_order(parts: Mapping[str, Schema]) -> list[str]:
    """Names of the parts, in the order in which the configurations mention them."""
    found: dict[str, None] = {}
    waiting = [name for name, _ in KINDS_OF_RUNS]
    while waiting:
        name = waiting.pop(0)
        for field in parts[name]["properties"].values():
            for other in _referred_by(field):
                if other not in found:
                    found[other] = None
                    waiting.append(other)
    return list(found)


def _referred_by(field: Schema) -> Iterator[str]:
    for choice in (field, field.get("items", {}), *field.get("anyOf", ())):
        name = referred(choice)
        if name is not None:
            yield name


def _paths_of(name: str, parts: Mapping[str, Schema]) -> list[tuple[str, str]]:
    """Where a part stands: the kind of run, and the path of its key there."""
    paths: list[tuple[str, str]] = []

    def search(part: str, kind: str, prefix: str) -> None:
        for key, field in parts[part]["properties"].items():
            for other in _referred_by(field):
                path = f"{prefix}.{key}" if prefix else key
                path += "[]" if "items" in field else ""
                if other == name:
                    paths.append((kind, path))
                search(other, kind, path)

    for root, title in KINDS_OF_RUNS:
        search(root, title.lower(), "")
    return paths


def _algorithms() -> Iterator[str]:
    yield "## What each algorithm takes where you leave a field empty { #algorithms }"
    rows = [
        (
            code(name),
            code(row.loss_aggregation),
            "none" if row.clip_low is None else f"{row.clip_low:g}",
            "none" if row.clip_high is None else f"{row.clip_high:g}",
            "yes" if row.needs_groups else "no",
            "yes" if row.dynamic_sampling else "no",
        )
        for name, row in ALGORITHM_DEFAULTS.items()
    ]
    columns = ("`algorithm.name`", "Loss aggregation", "Clip low", "Clip high")
    yield table((*columns, "Needs several responses per prompt", "Dynamic sampling"), rows)


def _experiments() -> Iterator[str]:
    schema = ExperimentSpec.model_json_schema()
    parts: Mapping[str, Schema] = {**schema["$defs"], "ExperimentSpec": schema}
    yield "## Experiments { #ExperimentSpec }"
    yield (
        "An experiment is models x data sets x settings x seeds, in one request or one file. "
        "Settings are compared with each other, so they must agree in: "
        + ", ".join(code(field) for field in EQUAL_FIELDS)
        + "."
    )
    yield _fields("ExperimentSpec", parts, "")
    yield "### `settings[]`: ExperimentSetting { #ExperimentSetting }"
    yield sentence(parts["ExperimentSetting"]["description"])
    yield _fields("ExperimentSetting", parts, "settings[]")


def _presets() -> Iterator[str]:
    yield "## Presets { #presets }"
    yield "Ready configurations, for `maye submit --preset` and `maye experiment submit --preset`."
    found = (*load_presets(), *load_experiment_presets())
    yield table(
        ("Preset", "Title", "What it does"),
        [(code(preset.slug), preset.title, sentence(preset.description)) for preset in found],
    )
