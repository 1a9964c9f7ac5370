r"""Equivalence of two answers, by math-verify 0.9.0 with one fixed set of options.

Loads sympy and may hang on hostile answers: only the judge's child process calls it. Before
math-verify sees a pair, three readings settle what is common or what it reads too loosely: equal
text, plain numbers, and words (math-verify reads a word as a product of letters, in any order).

Deviation from MAYE: gold and prediction in the library's order, no test on the digits before a
caret (it took 20^2 for 20 degrees), and nothing is right because both sides are empty.
docs/judge.md lists what counts as equal.
"""

import re
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import Any

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
from sympy import Expr, UnevaluatedExpr

from worker.rewards.comparison import DIFFERENT, EQUAL, RAISED, Comparison

MAX_ANSWER_CHARS = 4000
"""Longest answer or gold that math-verify sees; a longer one is right only as equal text."""

NUM_DECIMALS = 6
"""A decimal equals a fraction or root that rounds to it at this place (math-verify's default)."""

DISTANT = 1e-3
"""Constants further apart than this, in relation to the larger one, are not examined further."""

_EXTRACTION = (LatexExtractionConfig(boxed_match_priority=0), ExprExtractionConfig())
_MATH_DELIMITERS = ("$", r"\(", r"\[", r"\boxed")
_UNICODE_TO_LATEX = str.maketrans(
    {"\N{DEGREE SIGN}": r"^\circ", "\N{GREEK SMALL LETTER PI}": r"\pi ", "\N{MINUS SIGN}": "-"}
)
_NUMBER = re.compile(
    r"""(?P<sign>-?)
    (?: (?P<thousands>[1-9]\d{0,2}(?:[ ,]\d{3})+) (?:\.(?P<fraction_a>\d+))?
      | (?P<whole>\d+) (?:[.,](?P<fraction_b>\d+))?
      | \.(?P<fraction_c>\d+) )""",
    re.VERBOSE | re.ASCII,
)
_LEAVES_MATH = re.compile(r"(?:[^A-Za-z$\\]|\\[a-z]+)+\$[^$]*\$[^$]+\Z")
"""A box whose content is cut in two by text, as in `12$ and $13`: boxes begin in math mode."""
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|mathrm|mbox|textit)\s*\{([^{}]*)\}")
_WORDS = re.compile(r"[A-Za-z' -]*[a-z]{3}[A-Za-z' -]*")


@lru_cache(maxsize=100_000)
def compare(prediction: str, gold: str) -> Comparison:
    """Whether a prediction means the same as the gold answer; not symmetric (docs/judge.md).

    Args:
        prediction: Content of the response's last box.
        gold: The gold answer, with or without math delimiters.
    """
    prediction, gold = prediction.strip(), gold.strip()
    if not prediction or not gold:
        return DIFFERENT
    if prediction == gold:
        return EQUAL
    if max(len(prediction), len(gold)) > MAX_ANSWER_CHARS:
        return DIFFERENT
    numbers = read_number(prediction), read_number(gold)
    if numbers[0] is not None and numbers[1] is not None:
        return EQUAL if numbers[0] == numbers[1] else DIFFERENT
    words = read_words(gold)
    if words is not None:
        return EQUAL if read_words(prediction) == words else DIFFERENT
    return _compare_by_math(prediction, gold)


def read_number(text: str) -> Decimal | None:
    """A number written without LaTeX; None for anything else.

    A comma or space before three digits groups thousands, any other comma is a decimal comma.

    >>> read_number("1,000.99"), read_number("1 000"), read_number("1,22"), read_number(".4")
    (Decimal('1000.99'), Decimal('1000'), Decimal('1.22'), Decimal('0.4'))
    >>> read_number("32, 349") is None
    True
    """
    match = _NUMBER.fullmatch(_without_dollars(text))
    if match is None:
        return None
    whole = re.sub("[ ,]", "", match["thousands"] or match["whole"] or "0")
    fraction = match["fraction_a"] or match["fraction_b"] or match["fraction_c"] or "0"
    return Decimal(f"{match['sign']}{whole}.{fraction}").normalize() + 0


def read_words(text: str) -> str | None:
    r"""Lower-case words of an answer that is text; None for anything else.

    Text has three lower-case letters in a row, so that products such as `ab` stay products.

    >>> read_words(r"\text{Not enough  information.}")
    'not enough information'
    >>> read_words("ab") is None
    True
    """
    plain = _TEXT_COMMAND.sub(r"\1", _without_dollars(text)).strip().rstrip(".")
    return " ".join(plain.lower().split()) if _WORDS.fullmatch(plain) else None


def _without_dollars(text: str) -> str:
    inner = text[1:-1] if len(text) > 2 and text[0] == text[-1] == "$" else text
    return text if "$" in inner else inner.strip()


def _compare_by_math(prediction: str, gold: str) -> Comparison:
    try:
        readings = list(product(_read(gold), _read(prediction)))
    except Exception:  # parsing hostile text may raise anything; it is counted, not hidden
        return RAISED
    comparisons = [_verify(*pair) for pair in readings]
    if EQUAL in comparisons:
        return EQUAL
    return RAISED if RAISED in comparisons else DIFFERENT


def _verify(gold: Any, prediction: Any) -> Comparison:
    try:
        if _are_distant_numbers(gold, prediction):
            return DIFFERENT
        is_equal = verify(
            gold,
            prediction,
            float_rounding=NUM_DECIMALS,
            numeric_precision=15,
            strict=True,
            allow_set_relation_comp=False,
            timeout_seconds=None,
            raise_on_error=True,
        )
    except Exception:  # as above: sympy raises whatever a comparison without meaning leads to
        return RAISED
    return EQUAL if is_equal else DIFFERENT


def _are_distant_numbers(gold: Any, prediction: Any) -> bool:
    """True for two constants that differ clearly: spares sympy the search for a simplification."""
    for value in (gold, prediction):
        if not isinstance(value, Expr) or value.free_symbols or value.has(UnevaluatedExpr):
            return False
    numbers = gold.evalf(15), prediction.evalf(15)
    if not all(number.is_Float or number.is_Integer for number in numbers):
        return False
    scale = max(1.0, *(abs(float(number)) for number in numbers))
    return abs(float(numbers[0]) - float(numbers[1])) > DISTANT * scale


def _read(text: str) -> list[Any]:
    text = text.replace(r"\$", "").translate(_UNICODE_TO_LATEX)
    has_delimiters = any(delimiter in text for delimiter in _MATH_DELIMITERS)
    if not has_delimiters or _LEAVES_MATH.match(text):
        text = f"${text}$"
    return parse(
        text,
        _EXTRACTION,
        fallback_mode="first_match",
        extraction_mode="any_match",
        parsing_timeout=None,  # pyright: ignore[reportArgumentType]: None is documented
        raise_on_error=True,
    )
