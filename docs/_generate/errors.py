"""Codes of errors: the platform's, and the exit codes of the command line."""

from collections.abc import Iterator
from http import HTTPStatus

from backend.api.error_handlers import CODE_OF_STATUS, STATUS_OF_CODE
from backend.contract.errors import PlatformError
from docs._generate.markdown import anchor, code, head, join, sentence, table
from maye import errors as command_errors

INTRODUCTION = """\
Every error of the API is `application/problem+json` (RFC 9457): `status`, `title`, a stable `code`,
a `detail` that says what happened, what was got and what is allowed, the `request_id` under which
the server's log has it, and for a refused body the `fields` with their paths. Programs should look
at `code`, never at the text."""

OF_THE_SERVER = (
    ("host_not_allowed", 400, "The Host header is none that the server accepts."),
    ("internal_error", 500, "Something went wrong inside; the log has it under the request id."),
    ("http_error", 0, "Another error of HTTP itself; its status says which."),
)
"""Codes that no exception of the contract has: name, status (0: several), meaning."""

MEANING_OF_STATUS = {
    400: "The request is not HTTP that the server understands.",
    404: "There is no such address.",
    405: "The address has no such method.",
    413: "The body is larger than `MAYE_MAX_JSON_BODY_BYTES` allows.",
    503: "The database is busy or unreachable: try again after `Retry-After`.",
}

EXIT_CODES = (
    ("0", "done"),
    *(
        (str(error.exit_code), sentence(error.__doc__ or ""))
        for error in (
            command_errors.CommandError,
            command_errors.WrongUsageError,
            command_errors.NobodyAnswersError,
            command_errors.NotSignedInError,
        )
    ),
    ("130", "Ctrl-C"),
)
"""What `maye` ends with."""


def write_errors() -> str:
    """The page."""
    # A class without a code of its own is a special case of its base, under the base's code.
    classes = [error for error in _all_errors(PlatformError) if "code" in vars(error)]
    classes.sort(key=lambda error: STATUS_OF_CODE[error.code])
    rows = [(error.code, STATUS_OF_CODE[error.code], error.__doc__ or "") for error in classes]
    return join(
        (
            head("Error codes", "`backend/contract/errors.py` and `maye/errors.py`"),
            INTRODUCTION,
            "## Of the platform { #platform }",
            table(("Code", "HTTP status", "Meaning"), (_row(*row) for row in rows)),
            "## Of the server itself { #server }",
            table(("Code", "HTTP status", "Meaning"), (_row(*row) for row in _server_rows())),
            "## Exit codes of `maye` { #exit-codes }",
            table(("Code", "Meaning"), EXIT_CODES),
        )
    )


def _all_errors(base: type[PlatformError]) -> Iterator[type[PlatformError]]:
    for error in base.__subclasses__():
        yield error
        yield from _all_errors(error)


def _server_rows() -> Iterator[tuple[str, int, str]]:
    for status, name in CODE_OF_STATUS.items():
        if name not in STATUS_OF_CODE:
            yield name, status, MEANING_OF_STATUS[status]
    yield from OF_THE_SERVER


def _row(name: str, status: int, meaning: str) -> tuple[str, ...]:
    words = f"{status} {HTTPStatus(status).phrase}" if status else "several"
    return anchor(name) + code(name), words, sentence(meaning)
