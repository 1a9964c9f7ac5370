r"""The table as LaTeX, in the paper's layout: validation and test beside each other, in percent.

It is a whole document that compiles as it is with booktabs, xcolor and graphicx; what lies between
the two marked comments can be taken into a paper that loads these packages. Cells are tinted
against vanilla: red for a gain, green for a loss, deeper for a larger one. With several seeds,
the distance to the ends of the 95 % interval of a Mean stands behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.analysis.report import Estimate, Report, TableEntry, TableRow

DEEPEST_GAIN = 0.5
"""Relative change that has the deepest tint; larger ones look the same."""
DEEPEST_TINT = 60
"""Per cent of the colour."""
SPLITS = ("validation", "test")

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}

_LAST = "\u017e"
"""Last character of the Latin alphabets that the T1 fonts have."""

_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,landscape,margin=1.5cm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage[table]{xcolor}
\pagestyle{empty}
\begin{document}
"""
_BEGIN = "% --- the table: needs booktabs, graphicx and xcolor with the option table ---\n"
_END = "% --- end of the table ---\n"


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the table: a decoding setting of a cell on both splits."""

    model: str
    dataset: str
    k: int
    temperature: float
    rows: dict[str, TableRow]
    """Split to what was measured on it."""


def table_latex(report: Report) -> str:
    """The table of a report as a LaTeX document."""
    return f"{_PREAMBLE}{_BEGIN}{_table(report)}{_END}\\end{{document}}\n"


def escape(text: str) -> str:
    """Text as LaTeX prints it; what pdfLaTeX's own fonts do not have becomes a question mark."""
    spaced = " ".join(text.split())
    return "".join(_SPECIAL.get(c, c if c.isprintable() and c <= _LAST else "?") for c in spaced)


def tint(gain: float | None) -> str:
    """Colour of a cell: nothing where there is nothing to compare."""
    percent = 0 if gain is None else round(min(abs(gain) / DEEPEST_GAIN, 1.0) * DEEPEST_TINT)
    if gain is None or percent == 0:
        return ""
    return rf"\cellcolor{{{'red' if gain > 0 else 'green'}!{percent}}}"


def _table(report: Report) -> str:
    settings = list(dict.fromkeys(e.setting for row in report.table for e in row.entries))
    columns = [f"{escape(s)} ({what})" for what in ("Mean", "Max") for s in settings]
    width = 1 + len(columns)
    first, last = 4, 3 + width
    header = [
        rf"\begin{{tabular}}{{lll{'r' * (2 * width)}}}",
        r"\toprule",
        rf" & & & \multicolumn{{{width}}}{{c}}{{Validation}}"
        rf" & \multicolumn{{{width}}}{{c}}{{Test}} \\",
        rf"\cmidrule(lr){{{first}-{last}}} \cmidrule(lr){{{last + 1}-{last + width}}}",
        " & ".join(["Data set", "Model", "Decoding", *(["Vanilla", *columns] * 2)]) + r" \\",
        r"\midrule",
    ]
    body = _body(_lines(report.table), settings)
    caption = (
        f"Accuracy in percent of {escape(report.name)}. Mean: over epochs and runs, the model "
        "before training left out, with the distance to the ends of its 95\\,\\% interval over "
        "runs. Max: best epoch of each run, averaged over runs. Red: gain over vanilla, green: "
        "loss."
    )
    parts = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{caption}}}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        *header,
        *body,
        r"\bottomrule",
        r"\end{tabular}%",
        r"}",
        r"\end{table}",
    ]
    return "\n".join(parts) + "\n"


def _lines(table: Sequence[TableRow]) -> list[_Line]:
    found: dict[tuple[str, str, int, float], _Line] = {}
    for row in table:
        place = (row.model, row.dataset, row.k, row.temperature)
        found.setdefault(place, _Line(*place, rows={})).rows[row.split] = row
    return list(found.values())


def _body(lines: Sequence[_Line], settings: Sequence[str]) -> list[str]:
    printed: list[str] = []
    before = None
    for line in lines:
        cell = (line.dataset, line.model)
        names = [escape(line.dataset), escape(line.model)] if cell != before else ["", ""]
        if before is not None and cell != before:
            printed.append(r"\midrule")
        before = cell
        decoding = f"pass@{line.k}, $T={float(line.temperature)}$"
        numbers = [text for split in SPLITS for text in _numbers(line.rows.get(split), settings)]
        printed.append(" & ".join([*names, decoding, *numbers]) + r" \\")
    return printed


def _numbers(row: TableRow | None, settings: Sequence[str]) -> list[str]:
    if row is None:
        return ["--"] * (1 + 2 * len(settings))
    entries = {entry.setting: entry for entry in row.entries}
    present: list[TableEntry | None] = [entries.get(setting) for setting in settings]
    return [
        _percent(row.vanilla),
        *(_cell(e and e.mean, e and e.mean_gain, has_interval=True) for e in present),
        *(_cell(e and e.maximum, e and e.maximum_gain, has_interval=False) for e in present),
    ]


def _cell(estimate: Estimate | None, gain: float | None, *, has_interval: bool) -> str:
    text = _percent(estimate)
    if has_interval and estimate and estimate.low is not None and estimate.high is not None:
        below = f"{100 * (estimate.value - estimate.low):.1f}"
        above = f"{100 * (estimate.high - estimate.value):.1f}"
        spread = rf"\pm{above}" if above == below else f"^{{+{above}}}_{{-{below}}}"
        text += rf" {{\scriptsize${spread}$}}"
    return f"{tint(gain)}{text}"


def _percent(estimate: Estimate | None) -> str:
    return "--" if estimate is None else f"{100 * estimate.value:.1f}"
