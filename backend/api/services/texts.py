"""Text from outside, made storable in every database."""


def clean_text(text: str) -> str:
    """The text without NUL, which PostgreSQL refuses; a replacement character stands for it."""
    return text.replace("\x00", "\ufffd")


def clean_optional(text: str | None) -> str | None:
    """`clean_text` of a text that may be absent."""
    return None if text is None else clean_text(text)


def shorten(value: object, limit: int = 80) -> str:
    """A value as people may see it in a message: printable, at most `limit` characters.

    >>> shorten("a" * 100, limit=10)
    "'aaaaaa..."
    """
    # Deep or huge values are cut before they are formatted: repr of 10^6 digits takes minutes.
    if isinstance(value, str):
        value = value[: limit + 1]
    elif isinstance(value, int) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    is_container = type(value) in (list, dict)
    text = f"a JSON {type(value).__name__}" if is_container else ascii(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
