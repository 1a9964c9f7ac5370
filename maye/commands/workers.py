"""`maye worker` and `maye workers`: carry out runs on this machine, and see who does elsewhere."""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer
from rich.box import SIMPLE
from rich.table import Table

from maye.client import Json
from maye.commands.completion import offer_workers
from maye.commands.help_texts import OPERATION, PLATFORM, examples
from maye.commands.output import AsJson
from maye.commands.session import Session
from maye.errors import NobodyAnswersError, NotSignedInError, WrongUsageError

REDIS_SCHEMES = ("redis", "rediss")
REDIS_PORT = 6379
TIMEOUT_S = 5.0

NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of a worker, from maye workers.", autocompletion=offer_workers
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command and the group."""
    app.command(
        "worker",
        rich_help_panel=PLATFORM,
        epilog=examples(
            "MAYE_REDIS_URL=redis://:secret@db1:6379/0 MAYE_API_URL=http://db1:8000 maye worker",
            "maye worker --name gpu-3 --slots 2",
        ),
    )(worker)
    group = typer.Typer(invoke_without_command=True)
    group.callback(epilog=examples("maye workers", "maye workers drain gpu-3"))(workers)
    group.command("drain")(drain)
    group.command("undrain")(undrain)
    app.add_typer(group, name="workers", rich_help_panel=OPERATION)


def worker(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Option(help="Name; default: MAYE_WORKER_NAME, else the host's.")
    ] = None,
    slots: Annotated[
        int | None,
        typer.Option(min=1, help="Runs at a time on its CPU; default: MAYE_WORKER_SLOTS, else 1."),
    ] = None,
) -> None:
    """Carry out runs of a platform on this machine until Ctrl-C; runs then go on by themselves.

    MAYE_REDIS_URL and MAYE_API_URL say where the platform is; its worker-token lies in MAYE_HOME.
    """
    session = Session.of(context)
    _check_redis(session)
    _check_api(session)
    home = session.settings.paths
    if not home.worker_token.is_file():
        raise NotSignedInError(
            f"there is no worker token: copy the one of the platform's MAYE_HOME to "
            f"{home.worker_token} (mode 0600), or set MAYE_HOME to a shared folder"
        )
    given = {"--name": name, "--slots": slots}
    options = [
        word
        for option, value in given.items()
        if value is not None
        for word in (option, str(value))
    ]
    # Becomes the worker, so that signals and the exit code are the worker's own.
    argv = [sys.executable, "-m", "worker.celery_app", *options]
    os.execve(argv[0], argv, dict(session.environ))


def _check_redis(session: Session) -> None:
    """See whether somebody listens where the broker should be.

    Raises:
        WrongUsageError: the variable is missing or makes no sense.
        NobodyAnswersError: nobody does.
    """
    if not session.settings.redis_url:
        raise WrongUsageError(
            "MAYE_REDIS_URL is not set: a worker needs the broker of its platform, for example "
            "redis://:PASSWORD@HOST:6379/0 (`maye up` alone starts a private one, for its own "
            "worker)"
        )
    url = urlsplit(session.settings.redis_url)
    if url.scheme not in REDIS_SCHEMES or not url.hostname:
        raise WrongUsageError(
            "MAYE_REDIS_URL must be redis://[:PASSWORD@]HOST[:PORT][/DB] or rediss://..., got the "
            f"scheme {url.scheme!r} and the host {url.hostname!r}"
        )
    try:
        port = url.port or REDIS_PORT
    except ValueError as error:
        raise WrongUsageError(f"MAYE_REDIS_URL has no valid port: {error}") from error
    try:
        socket.create_connection((url.hostname, port), timeout=TIMEOUT_S).close()
    except OSError as error:
        raise NobodyAnswersError(
            f"no Redis answers at {url.hostname}:{port} ({error.strerror or error}): is it "
            "running, and is MAYE_REDIS_URL right?"
        ) from error


def _check_api(session: Session) -> None:
    """See whether the API answers.

    Raises:
        WrongUsageError: the variable is missing.
        NobodyAnswersError: it does not.
    """
    if "MAYE_API_URL" not in session.environ:
        raise WrongUsageError(
            "MAYE_API_URL is not set: a worker needs the address of the platform's API, for "
            "example http://HOST:8000 (--api-url says it, too)"
        )
    address = session.settings.api_url.rstrip("/")
    try:
        answer = httpx.get(f"{address}/healthz", timeout=TIMEOUT_S, trust_env=False)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise NobodyAnswersError(
            f"no API answers at {address} ({error}): is it running, and is MAYE_API_URL right?"
        ) from error
    if not answer.is_success:
        raise NobodyAnswersError(
            f"what answers at {address} is no healthy API of Maye ({answer.status_code} for "
            "/healthz): is MAYE_API_URL right?"
        )


def workers(context: typer.Context, as_json: AsJson = False) -> None:
    """List workers with their devices and runs; drain one for maintenance."""
    if context.invoked_subcommand is not None:
        return
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        found = client.get("workers")
    session.output.show(found, _build_table(found))


def drain(context: typer.Context, name: NameArgument, as_json: AsJson = False) -> None:
    """Let a worker finish what it has and take nothing new."""
    _ask(context, name, "drain", as_json=as_json)


def undrain(context: typer.Context, name: NameArgument, as_json: AsJson = False) -> None:
    """Let a worker take runs again."""
    _ask(context, name, "undrain", as_json=as_json)


def _ask(context: typer.Context, name: str, what: str, *, as_json: bool) -> None:
    session = Session.of(context, as_json=as_json)
    with session.connect() as client:
        found = client.post(f"workers/{name}/{what}")
    session.output.show(found, f"{found['name']}: {found['state']}{_describe_runs(found)}")


def _describe_runs(worker: Json) -> str:
    names = ", ".join(run["name"] for run in worker["runs"])
    return f", carries {names}" if names else ""


def _build_table(workers: Sequence[Json]) -> Table:
    table = Table("name", "host", "state", "devices", "slots", "runs", "last seen", box=SIMPLE)
    for worker in workers:
        table.add_row(
            worker["name"],
            worker["host"],
            worker["state"],
            "\n".join(map(_describe_device, worker["devices"])),
            f"{worker['slots_used']}/{worker['slots']}",
            "\n".join(f"{run['name']} ({run['id'][:8]})" for run in worker["runs"]),
            worker["last_seen_at"][:19].replace("T", " "),
        )
    return table


def _describe_device(device: Mapping[str, object]) -> str:
    memory = device["memory_bytes"]
    gib = memory / 2**30 if isinstance(memory, int | float) else 0.0
    return f"{device['kind']}:{device['index']} {device['name']}, {gib:.0f} GiB"
