"""What goes wrong for a person at the command line, and the exit code of each kind."""

from typing import ClassVar


class CommandError(Exception):
    """A command cannot go on; the message says what, where, got and allowed."""

    exit_code: ClassVar[int] = 1


class WrongUsageError(CommandError):
    """What was typed, or an environment variable, makes no sense."""

    exit_code = 2


class NobodyAnswersError(CommandError):
    """The platform cannot be reached."""

    exit_code = 3


class NotSignedInError(CommandError):
    """There is no token, or the platform does not know it."""

    exit_code = 4
