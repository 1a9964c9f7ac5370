"""Errors that name the field of a request that is to blame."""

from backend.contract.errors import InvalidInputError


class InvalidFieldError(InvalidInputError):
    """A field of the request's body is well-formed but not acceptable."""

    def __init__(self, message: str, path: tuple[str | int, ...], got: str) -> None:
        super().__init__(message, path, got)

    @property
    def path(self) -> tuple[str | int, ...]:
        """Keys from the body's root."""
        return self.args[1]

    @property
    def got(self) -> str:
        """What came, shortened."""
        return self.args[2]
