"""Opaque cursors of keyset pages."""

import base64
import binascii

from backend.contract.errors import InvalidInputError
from backend.database.columns import MAX_INTEGER


def encode_cursor(*parts: str | int) -> str:
    """A cursor that names the last row of a page."""
    text = ":".join(str(part) for part in parts)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, num_parts: int) -> list[str]:
    """The parts of a cursor.

    Raises:
        InvalidInputError: the cursor is none of ours.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split(":")
    except (binascii.Error, UnicodeError) as e:
        raise InvalidInputError(_refusal(cursor)) from e
    if len(parts) != num_parts or not parts[-1].isascii() or not parts[-1].isdigit():
        raise InvalidInputError(_refusal(cursor))
    if len(parts[-1]) > 19 or int(parts[-1]) > MAX_INTEGER:
        raise InvalidInputError(_refusal(cursor))
    return parts


def _refusal(cursor: str) -> str:
    return f"cursor {cursor[:40]!a} is not one that a page has returned as next_cursor"
