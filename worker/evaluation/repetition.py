"""Whether a response has run into a loop."""

LOOKED_AT_CHARS = 2000
"""Only that much of a response's end is looked at; a stretch may have a quarter of it."""
MIN_REPEATS = 4
MIN_CHARS = 40


def is_repeating(text: str) -> bool:
    """True when a text ends in the same stretch, at least four times over and 40 characters long.

    Runs of spaces and line breaks count as one space, and none at the end. The stretch need not be
    whole at the front, so that a text that was cut off in the middle of a word is recognised.

    >>> is_repeating("so x = 2. " + "Wait, let me see. " * 5 + "Wait, let")
    True
    >>> is_repeating("no, no, no")
    False
    """
    tail = " ".join(text[-4 * LOOKED_AT_CHARS :].split())[-LOOKED_AT_CHARS:][::-1]
    # The prefix function: borders[i] is the longest proper prefix of tail[: i + 1] that is also its
    # suffix, so that tail[: i + 1] has the period i + 1 - borders[i].
    borders = [0] * len(tail)
    for end in range(1, len(tail)):
        border = borders[end - 1]
        while border and tail[border] != tail[end]:
            border = borders[border - 1]
        borders[end] = border + (tail[border] == tail[end])
        length = end + 1
        if length >= MIN_CHARS and length >= MIN_REPEATS * (length - borders[end]):
            return True
    return False


def is_empty(text: str) -> bool:
    """True for a text without any visible character."""
    return not text.strip()
