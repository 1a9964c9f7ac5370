"""What goes wrong for a person at the command line."""


class CommandError(Exception):
    """A command cannot go on; the message says what, where, got and allowed."""
