"""The database by itself: `python -m backend.database migrate`."""

import argparse
import os
import sys
from collections.abc import Sequence

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from backend.contract.errors import PlatformError
from backend.contract.settings import Settings
from backend.database.migrate import upgrade
from backend.database.session import Database


def migrate(settings: Settings) -> None:
    """Bring the database of the settings to this version's schema; a current one stays as it is.

    Raises:
        SchemaTooNewError: a newer version has migrated it.
    """
    database = Database.from_settings(settings)
    try:
        upgrade(database)
    finally:
        database.close()


def main(arguments: Sequence[str]) -> int:
    """Carry out a command of the database; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m backend.database", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("migrate", help="bring the tables to this version's schema")
    command.set_defaults(carry_out=migrate)
    options = parser.parse_args(arguments)
    try:
        options.carry_out(Settings.from_environment(os.environ))
    except (PlatformError, SQLAlchemyError, ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
