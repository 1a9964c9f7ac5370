"""`maye backup` and `maye restore`: the platform's database as one file."""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from maye.commands.help_texts import OPERATION, examples
from maye.commands.output import AsJson
from maye.commands.session import Session
from maye.errors import CommandError, WrongUsageError
from maye.platform import locked

WRONG_USAGE = 2
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add = app.command
    add("backup", rich_help_panel=OPERATION, epilog=examples("maye backup maye.backup"))(backup)
    add(
        "restore",
        rich_help_panel=OPERATION,
        epilog=examples("maye restore maye.backup", "maye restore maye.backup --force"),
    )(restore)


def backup(context: typer.Context, file: FileArgument, as_json: AsJson = False) -> None:
    """Write the database to a file; the platform may go on running.

    MAYE_DATABASE_URL says which database; by default it is the one in MAYE_HOME.
    """
    _carry_out(Session.of(context, as_json=as_json), "backup", file)


def restore(
    context: typer.Context,
    file: FileArgument,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back; the platform must be stopped."""
    session = Session.of(context, as_json=as_json)
    home = session.settings.paths.root
    home.mkdir(parents=True, exist_ok=True)
    # A platform that runs in this folder would go on with the database that is replaced.
    is_own = not session.settings.database_url
    with locked(home) if is_own else nullcontext():
        _carry_out(session, "restore", file, *(["--force"] if force else []))


def _carry_out(session: Session, what: str, file: Path, *options: str) -> None:
    """Let the part of the platform that knows the database do it, in a process of its own.

    Raises:
        CommandError: it was refused.
        WrongUsageError: a setting is out of range.
    """
    environ = dict(session.environ) | {"MAYE_HOME": str(session.settings.paths.root)}
    with session.output.working(f"{what}: {file}"):
        done = subprocess.run(
            [sys.executable, "-m", "backend.database", what, str(file), *options],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        kind = WrongUsageError if done.returncode == WRONG_USAGE else CommandError
        raise kind(f"{what} {file}: {done.stderr.strip()}")
    session.output.say(done.stdout.strip())
    session.output.show({"file": str(file.resolve())})
