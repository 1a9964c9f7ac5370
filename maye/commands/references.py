"""RUN and EXPERIMENT on the command line: an id, a unique beginning of one, or `last`."""

import re
from collections.abc import Callable, Iterable
from uuid import UUID

from maye.client import Client, Json
from maye.errors import CommandError, WrongUsageError

LAST = "last"
SHORTEST_BEGINNING = 4
_BEGINNING = re.compile(r"^[0-9a-f][0-9a-f-]*$")


def resolve_run(client: Client, text: str) -> str:
    """The id of a run.

    Args:
        client: asks the platform.
        text: an id, a unique beginning of one, or `last` for the newest.

    Raises:
        WrongUsageError: it is none of these.
        CommandError: there is no such run, or more than one.
    """
    return _resolve(text, what="run", newest=lambda: _newest(client, "runs"), entries=client.runs)


def resolve_experiment(client: Client, text: str) -> str:
    """The id of an experiment; as `resolve_run`."""
    return _resolve(
        text,
        what="experiment",
        newest=lambda: _newest(client, "experiments"),
        entries=client.experiments,
    )


def _newest(client: Client, kind: str) -> list[Json]:
    return client.get(kind, limit=1)[kind]


def _resolve(
    text: str,
    *,
    what: str,
    newest: Callable[[], list[Json]],
    entries: Callable[[], Iterable[Json]],
) -> str:
    if text == LAST:
        found = newest()
        if not found:
            raise CommandError(f"there is no {what} yet")
        return found[0]["id"]
    beginning = text.lower()
    if _is_id(beginning):
        return beginning
    if len(beginning) < SHORTEST_BEGINNING or not _BEGINNING.match(beginning):
        listing = "maye runs" if what == "run" else f"maye {what} list"
        raise WrongUsageError(
            f"{text!r} names no {what}: allowed are an id, a beginning of one (at least "
            f"{SHORTEST_BEGINNING} of 0-9, a-f and -), and {LAST}. `{listing}` lists them"
        )
    found = [entry for entry in entries() if entry["id"].startswith(beginning)]
    if len(found) == 1:
        return found[0]["id"]
    if not found:
        raise CommandError(f"there is no {what} whose id begins with {text!r}")
    names = "\n".join(f"  {entry['id']} {entry['name']}" for entry in found)
    raise CommandError(f"{len(found)} {what}s have ids that begin with {text!r}:\n{names}")


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
