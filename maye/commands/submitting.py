"""`maye submit`: a run from a file or a preset, with values changed."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
import yaml
from pydantic import ValidationError

from maye.api_types import PresetInfo
from maye.client import ServerError
from maye.client.configs import find_preset, read_yaml, with_changes
from maye.commands.completion import offer_presets
from maye.commands.help_texts import RUNS, examples
from maye.commands.output import AsJson
from maye.commands.refusals import explain, explain_here, post_once
from maye.commands.session import Session
from maye.commands.watching import describe_end, follow
from maye.errors import WrongUsageError

ENVELOPE = frozenset({"name", "preset", "config", "priority", "title", "description"})
"""Keys of a file that holds more than a configuration; title and description as presets have."""
MARKS = frozenset({"config", "preset"})
"""A file with one of these is no bare configuration."""

Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the configuration, in YAML: algorithm.clip_low=0.1. "
        "May be repeated.",
    ),
]
Watch = Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the whole configuration and submit nothing.")
]
IdempotencyKey = Annotated[
    str,
    typer.Option(
        "--idempotency-key",
        metavar="KEY",
        help="The same key gives the same run, however often a script tries; default: a new one.",
    ),
]
FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE.yaml",
        help="What to submit.",
        show_default=False,
        exists=True,
        dir_okay=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "submit",
        rich_help_panel=RUNS,
        epilog=examples(
            "maye submit run.yaml --watch",
            "maye submit --preset quickstart --seed 1 --set algorithm.clip_low=0.1",
            "maye submit run.yaml --set optimizer.learning_rate=1e-5 --dry-run",
        ),
    )(submit)


@dataclass(frozen=True, slots=True)
class Draft:
    """A run that is about to be submitted."""

    source: str
    """The file or preset, for messages."""
    name: str | None
    """As the file says."""
    title: str
    """What a name is made of where the file says none."""
    config: dict[str, Any]
    preset: str | None = None
    priority: Any = None
    """As the file says."""

    @property
    def kind(self) -> str:
        """Kind of the run."""
        return str(self.config.get("kind", "rl"))


def submit(
    context: typer.Context,
    file: FileArgument = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Preset, in place of a file.", autocompletion=offer_presets),
    ] = None,
    assignments: Assignments = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the run; default: made from its source and seed.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed, in place of the source's.")] = None,
    priority: Annotated[
        int | None, typer.Option(help="Queued runs of a higher one start first; default: 0.")
    ] = None,
    watch: Watch = False,
    dry_run: DryRun = False,
    idempotency_key: IdempotencyKey = "",
    as_json: AsJson = False,
) -> None:
    """Submit a run.

    FILE.yaml holds a configuration, or name, preset, config and priority, each optional.
    """
    if (file is None) == (preset is None):
        raise WrongUsageError("submit takes a FILE.yaml or --preset, one of the two")
    changes = parse_assignments(assignments or [])
    if seed is not None:
        changes["seed"] = seed
    session = Session.of(context, as_json=as_json)
    content = {"preset": preset} if file is None else read_yaml(file)
    source = f"preset {preset}" if file is None else str(file)
    draft = draft_run(content, source, lambda: _load_presets(session))
    if dry_run:
        _show_resolved(session, draft, changes)
        return
    config = with_changes(draft.config, changes)
    body = {
        "name": name or draft.name or f"{draft.title}, seed {config.get('seed', 0)}",
        "config": config,
        "preset": draft.preset,
    }
    priority = draft.priority if priority is None else priority
    if priority is not None:
        body["priority"] = priority
    request = Request("runs", body, idempotency_key, draft.source, draft.kind)
    queue(session, request, is_watched=watch)


@dataclass(frozen=True, slots=True)
class Request:
    """What makes a run."""

    path: str
    """Resource under /api/v1/."""
    body: Mapping[str, Any]
    idempotency_key: str
    """Empty for a new one."""
    source: str
    """The file or preset, for messages."""
    kind: str
    """Of the run that `config` of the body makes."""


def queue(session: Session, request: Request, *, is_watched: bool) -> None:
    """Send a request for a run, and say or show what comes of it.

    Raises:
        RefusedError: names every field that the platform refused.
        Exit: with the exit code of the run, where it was watched.
    """
    key = request.idempotency_key or str(uuid4())
    with session.connect() as client:
        try:
            run = post_once(client, request.path, request.body, key)
        except ServerError as error:
            if not error.fields:
                raise
            raise explain(error, request.source, request.kind) from error
        session.output.say(f"{run['id']} {run['name']}: {run['status']}")
        if is_watched:
            run = follow(session, client, run["id"])
    session.output.show(run)
    if is_watched:
        raise typer.Exit(describe_end(session.output, run))


def _load_presets(session: Session) -> Sequence[PresetInfo]:
    with session.connect() as client:
        return client.presets()


def draft_run(
    content: Mapping[str, Any], source: str, load_presets: Callable[[], Sequence[PresetInfo]]
) -> Draft:
    """The run that a file means.

    Args:
        content: a configuration, or an envelope with one.
        source: where it comes from.
        load_presets: asks the platform, where a preset is named.

    Raises:
        WrongUsageError: unknown keys, or values of the wrong type.
        CommandError: there is no such preset, or it cannot be launched now.
    """
    if not MARKS & set(content):
        return Draft(source, None, Path(source).stem, dict(content))
    unknown = sorted(set(content) - ENVELOPE)
    if unknown:
        allowed = ", ".join(sorted(ENVELOPE))
        raise WrongUsageError(
            f"{source}: unknown keys {', '.join(unknown)} beside config or preset "
            f"(allowed there: {allowed})"
        )
    config = content.get("config") or {}
    if not isinstance(config, dict):
        raise WrongUsageError(f"{source}: config must hold keys with values, got {config!r}")
    title, preset = str(content.get("title") or Path(source).stem), content.get("preset")
    if preset is not None:
        entry = find_preset(load_presets(), str(preset))
        config = merge(dict(entry["config"]), config)
        preset, title = entry["slug"], entry["title"]
    return Draft(source, content.get("name"), title, config, preset, content.get("priority"))


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with values changed, group by group.

    >>> merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 4}})
    {'a': {'b': 4, 'c': 2}, 'd': 3}
    """
    merged = deepcopy(dict(base))
    for key, value in changes.items():
        is_group = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if is_group else deepcopy(value)
    return merged


def _show_resolved(session: Session, draft: Draft, changes: Mapping[str, Any]) -> None:
    """Print the configuration with all its defaults; models and data sets are not looked up.

    Raises:
        RefusedError: it is not valid.
    """
    from backend.contract.config import parse_config

    try:
        config = parse_config(with_changes(draft.config, changes))
    except ValidationError as error:
        raise explain_here(error, draft.source, draft.kind) from error
    resolved = config.model_dump(mode="json")
    session.output.show(resolved, session.output.in_yaml(resolved))


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Values by dotted path from `path=value`, the value in YAML.

    Raises:
        WrongUsageError: one has no `=`, or its value is not YAML.

    >>> parse_assignments(["algorithm.clip_low=0.1", "evaluation.permuted_control=true"])
    {'algorithm.clip_low': 0.1, 'evaluation.permuted_control': True}
    """
    changes: dict[str, Any] = {}
    for assignment in assignments:
        path, sign, text = assignment.partition("=")
        if not sign or not path:
            raise WrongUsageError(f"--set got {assignment!r}, allowed is PATH=VALUE")
        try:
            changes[path] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise WrongUsageError(f"--set {path}: {text!r} is not a YAML value: {error}") from error
    return changes
