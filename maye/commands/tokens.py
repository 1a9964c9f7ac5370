"""`maye token`: where the token of people and scripts lies, and a new one in its place."""

import subprocess
import sys
from typing import Annotated

import typer

from maye.client import AwayError, RefusedTokenError
from maye.commands.help_texts import OPERATION, examples
from maye.commands.output import AsJson
from maye.commands.session import Session
from maye.errors import CommandError, NotSignedInError


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(
        no_args_is_help=True, help="The token that people and scripts sign in with: show, rotate."
    )
    group.command("show", epilog=examples("maye token show", "maye token show --reveal"))(show)
    group.command("rotate")(rotate)
    app.add_typer(group, name="token", rich_help_panel=OPERATION)


def show(
    context: typer.Context,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print the token itself.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print where the token of this machine's platform lies."""
    session = Session.of(context, as_json=as_json)
    path = session.settings.paths.admin_token
    try:
        token = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise NotSignedInError(
            f"{path} cannot be read ({error.strerror}). The first `maye up` makes it; MAYE_HOME or "
            "--home says in which folder"
        ) from error
    data = {"path": str(path)} | ({"token": token} if reveal else {})
    session.output.show(data, token if reveal else str(path))


def rotate(context: typer.Context, as_json: AsJson = False) -> None:
    """Make a new token: the old one, and all browsers signed in with it, are out at once.

    A running platform takes it up without a restart. Scripts read it with maye token show.
    """
    session = Session.of(context, as_json=as_json)
    home = session.settings.paths
    if not home.admin_token.exists():
        raise NotSignedInError(f"there is no token to replace: {home.admin_token} is absent")
    # The API's own code writes the file: how a token is made and kept is known in one place.
    done = subprocess.run(
        [sys.executable, "-m", "backend.api", "rotate-token"],
        env=dict(session.environ) | {"MAYE_HOME": str(home.root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"the token was not replaced: {done.stderr.strip()}")
    is_taken_up = _ask_platform(session)
    session.output.show(
        {"path": str(home.admin_token), "is_taken_up": is_taken_up},
        f"the new token lies in {home.admin_token}; browsers must sign in again",
    )
    if is_taken_up is False:
        raise CommandError("the running platform still wants the old token: restart its API")


def _ask_platform(session: Session) -> bool | None:
    """Whether the running platform knows the new token; None where none is running."""
    environ = {name: text for name, text in session.environ.items() if name != "MAYE_TOKEN"}
    try:
        with Session(environ, session.output).connect() as client:
            client.get("runs", limit=1)
    except RefusedTokenError:
        return False
    except AwayError:
        return None
    return True
