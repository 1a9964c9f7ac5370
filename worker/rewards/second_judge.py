r"""A second judge, by text and plain fractions alone: no sympy, no code of the first judge.

It follows the normalisation of the MATH benchmark's grader (Hendrycks et al. 2021, arXiv
2103.03874, `math_equivalence.py`) and then compares fractions by value. It knows less than the
first judge and never decides a reward: where the two differ, one of them has misread the answer,
and a share that rises says that a policy has found a way to please one judge alone.
"""

import re
from fractions import Fraction

MAX_CHARS = 400
"""Longest text that is normalised; beyond it only equal text is equal."""

_DROPPED = re.compile(
    r"\\left|\\right|\\[!,;: ]|\\\$|\$|\\%|%|\^\{?\\circ\}?|\N{DEGREE SIGN}"
    r"|\\(?:mathrm|text)\{~?[a-z ]*\}(?:\^\{?\d\}?)?"
)
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mbox|textit)\{([^{}]*)\}")
_ASSIGNMENT = re.compile(r"^[A-Za-z]{1,2}=(?=.)")
_SHORT_FRACTION = re.compile(r"\\frac(\d)(\d)")
_SHORT_ROOT = re.compile(r"\\sqrt(\w)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL = r"-?(?:\d+(?:\.\d*)?|\.\d+)"
_FRACTION = re.compile(rf"({_DECIMAL})[/:]({_DECIMAL})")
_LATEX_FRACTION = re.compile(rf"(-?)\\frac\{{({_DECIMAL})\}}\{{({_DECIMAL})\}}")


def finds_equal(prediction: str, gold: str) -> bool:
    r"""True when two answers are the same text or the same number after normalisation.

    >>> finds_equal(r"x = \dfrac12", "0.5"), finds_equal(r"\left(1, 2\right)", "(1,2)")
    (True, True)
    >>> finds_equal(r"6\sqrt{17}", r"\sqrt{612}")
    False
    """
    if max(len(prediction), len(gold)) > MAX_CHARS:
        return prediction.strip() == gold.strip()
    ours, theirs = normalise(prediction), normalise(gold)
    if ours == theirs:
        return True
    numbers = read_fraction(ours), read_fraction(theirs)
    return numbers[0] is not None and numbers[0] == numbers[1]


def normalise(answer: str) -> str:
    r"""An answer without what does not change it: space, units, styles, a name before `=`.

    >>> normalise(r" AD = 20^\circ "), normalise(r"\text{Yes.}"), normalise(r"1,000\text{ cm}")
    ('20', 'yes', '1000')
    """
    text = answer.strip().replace("\N{MINUS SIGN}", "-").replace("dfrac", "frac")
    text = text.replace("tfrac", "frac")
    words = _TEXT.sub(r"\1", text).strip().rstrip(".").strip()
    if re.fullmatch(r"[A-Za-z' -]{3,}", words):
        return " ".join(words.lower().split())
    text = "".join(_DROPPED.sub("", text).split()).rstrip(".")
    text = _ASSIGNMENT.sub("", text)
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text)
    return _THOUSANDS.sub("", text)


def read_fraction(text: str) -> Fraction | None:
    r"""The number that a normalised answer is, exactly; None for anything else.

    >>> read_fraction(r"-\frac{1}{2}"), read_fraction("5:9"), read_fraction("x")
    (Fraction(-1, 2), Fraction(5, 9), None)
    """
    if re.fullmatch(_DECIMAL, text):
        return Fraction(text)
    match = _LATEX_FRACTION.fullmatch(text)
    sign, parts = ("", _FRACTION.fullmatch(text)) if match is None else (match[1], match)
    if parts is None:
        return None
    over, under = (Fraction(number) for number in parts.groups()[-2:])
    if under == 0:
        return None
    return -over / under if sign else over / under
