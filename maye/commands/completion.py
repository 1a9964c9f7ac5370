"""What the shell offers for an argument, asked of the running platform.

Where the platform cannot be asked, nothing is offered and nothing is said. What is offered goes
through the shell's `eval`: names that people gave are reduced to harmless characters.
"""

import re
from collections.abc import Callable, Iterable
from typing import Annotated

import typer
from pydantic import ValidationError

from maye.client import Client, Json
from maye.commands.references import LAST
from maye.commands.session import build_environment
from maye.errors import CommandError

TIMEOUT_S = 1.0
MOST_OFFERED = 100
_HARMFUL = re.compile(r"[^A-Za-z0-9 ,._/-]+")

Offer = tuple[str, str]
"""A word, and what it stands for."""


def offer_runs(context: typer.Context, incomplete: str) -> list[Offer]:
    """Ids of the newest runs."""
    return _offer(context, incomplete, _find_runs)


def offer_experiments(context: typer.Context, incomplete: str) -> list[Offer]:
    """Ids of the newest experiments."""
    return _offer(context, incomplete, _find_experiments)


def offer_presets(context: typer.Context, incomplete: str) -> list[Offer]:
    """Presets of runs."""
    return _offer(context, incomplete, lambda client: _named(client.presets(), "slug", "title"))


def offer_experiment_presets(context: typer.Context, incomplete: str) -> list[Offer]:
    """Presets of experiments."""
    return _offer(
        context, incomplete, lambda client: _named(client.experiment_presets(), "slug", "title")
    )


def offer_datasets(context: typer.Context, incomplete: str) -> list[Offer]:
    """Slugs of data sets."""
    return _offer(context, incomplete, lambda client: _named(client.get("datasets"), "slug"))


def offer_workers(context: typer.Context, incomplete: str) -> list[Offer]:
    """Names of workers."""
    return _offer(
        context, incomplete, lambda client: _named(client.get("workers"), "name", "state")
    )


def offer_models_and_runs(context: typer.Context, incomplete: str) -> list[Offer]:
    """Slugs of models, and ids of runs."""
    return _offer(
        context,
        incomplete,
        lambda client: [*_named(client.get("models"), "slug", "title"), *_find_runs(client)],
    )


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Id of a run, a unique beginning of one (4 characters or more), or last.",
        autocompletion=offer_runs,
    ),
]
RunsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN",
        help="Ids of runs, unique beginnings of them (4 characters or more), or last.",
        autocompletion=offer_runs,
    ),
]
ExperimentArgument = Annotated[
    str,
    typer.Argument(
        metavar="EXPERIMENT",
        help="Id of an experiment, a unique beginning of one (4 characters or more), or last.",
        autocompletion=offer_experiments,
    ),
]


def _offer(
    context: typer.Context, incomplete: str, find: Callable[[Client], Iterable[Offer]]
) -> list[Offer]:
    try:
        environ = build_environment(context)
        with Client.from_environment(environ, timeout_s=TIMEOUT_S) as client:
            found = list(find(client))
    except (CommandError, ValidationError):
        return []
    return [(word, text) for word, text in found if word.startswith(incomplete)]


def _find_runs(client: Client) -> list[Offer]:
    return _with_last(client.get("runs", limit=MOST_OFFERED)["runs"])


def _find_experiments(client: Client) -> list[Offer]:
    return _with_last(client.get("experiments", limit=MOST_OFFERED)["experiments"])


def _with_last(entries: list[Json]) -> list[Offer]:
    newest = [(LAST, f"the newest: {_tame(entry['name'])}") for entry in entries[:1]]
    return [*_named(entries, "id", "name"), *newest]


def _named(entries: Iterable[Json], word: str, text: str = "title") -> list[Offer]:
    return [(entry[word], _tame(entry[text])) for entry in entries]


def _tame(text: str) -> str:
    return " ".join(_HARMFUL.sub(" ", text).split())
