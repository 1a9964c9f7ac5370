"""Where an answer stands in a text: the one reading that import and judge share."""

import re

_TOKEN = re.compile(r"\\boxed\s*\{|\\[{}]|\\\\(?!boxed\s*\{)|[{}]")
"""A box opens; an escaped brace or backslash, which counts for nothing; a brace."""


def last_boxed(text: str) -> str | None:
    r"""Content of the last balanced `\boxed{...}`, stripped; None without one.

    The last box is the one that opens last among those that close, so a box inside a box wins
    over the outer one, and a box that was cut off leaves the one before it. Escaped braces count
    for nothing. `\boxed 5` without braces and `\fbox{5}` are no boxes. Linear in the text's length.

    >>> last_boxed(r"\boxed{7}, no: \boxed{\frac{1}{2}}")
    '\\frac{1}{2}'
    >>> last_boxed(r"\boxed{20}, and so \boxed{2")
    '20'
    >>> last_boxed("The final boxed answer is 20") is None
    True
    """
    open_braces: list[int | None] = []
    """Where the content of an open box starts; None for any other open brace."""
    last: tuple[int, int] | None = None
    for token in _TOKEN.finditer(text):
        match token.group():
            case "{":
                open_braces.append(None)
            case "}":
                start = open_braces.pop() if open_braces else None
                if start is not None and (last is None or start > last[0]):
                    last = (start, token.start())
            case box if box.endswith("{") and box != r"\{":
                open_braces.append(token.end())
            case _:
                pass
    return None if last is None else text[last[0] : last[1]].strip()
