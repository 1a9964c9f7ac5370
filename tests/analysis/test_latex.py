"""The table as LaTeX: balanced, escaped, tinted, and compiled where a TeX is at hand."""

import re
import shutil
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from curves_by_hand import PASS_1, PASS_1_TEST, PASS_8, make_run, solved_of
from test_build_report import NOW

from backend.analysis.build import build_report
from backend.analysis.latex import escape, table_latex, tint

NAME = "50% of $x_1$ & #2 {~^\\} <ü> 数学\n\\input{/etc/passwd}"
PROGRAM = shutil.which("pdflatex") or shutil.which("tectonic")


@pytest.fixture(scope="module")
def document() -> str:
    runs = [
        make_run(
            "vanilla",
            accuracy={d: [(0.0, 0.2)] for d in (PASS_1, PASS_1_TEST, PASS_8)},
            solved={PASS_1: solved_of(10, 50)},
        ),
        make_run("rl", 0, setting="rl_1", accuracy={d: [(1.0, 0.3)] for d in (PASS_1, PASS_8)}),
        make_run("rl", 1, setting="rl_1", accuracy={d: [(1.0, 0.32)] for d in (PASS_1, PASS_8)}),
        make_run("rl", 0, setting="rl_1", dataset="other", accuracy={PASS_1: [(1.0, 0.1)]}),
        make_run("sft", 0, accuracy={PASS_1: [(1.0, 0.1)]}),
    ]
    return table_latex(build_report(UUID(int=1), NAME, runs, {}, (), "population", NOW))


def unescaped(character: str, text: str) -> int:
    return len(re.findall(rf"(?<!\\)(?:\\\\)*{re.escape(character)}", text))


def body_lines(document: str) -> list[str]:
    inside = document.split(r"\begin{tabular}")[1].split(r"\end{tabular}")[0]
    return [line for line in inside.splitlines() if line.endswith(r" \\")]


def num_cells(line: str) -> int:
    spans = [int(n) for n in re.findall(r"\\multicolumn{(\d+)}", line)]
    return unescaped("&", line) + 1 + sum(span - 1 for span in spans)


def test_environments_are_closed_in_order(document: str):
    still_open: list[str] = []
    for what, name in re.findall(r"\\(begin|end){(\w+)}", document):
        if what == "begin":
            still_open.append(name)
        else:
            assert still_open.pop() == name
    assert still_open == []
    assert unescaped("{", document) == unescaped("}", document)
    assert unescaped("$", document) % 2 == 0


def test_every_line_has_all_columns(document: str):
    match = re.search(r"\\begin{tabular}{(\w+)}", document)
    assert match is not None
    assert match[1] == "lll" + "r" * 10  # twice: vanilla and two settings by mean and max
    lines = body_lines(document)
    assert len(lines) == 2 + 3
    assert [num_cells(line) for line in lines] == [13] * 5


def test_numbers_stand_in_their_columns(document: str):
    (line,) = [line for line in body_lines(document) if "pass@8" in line]
    cells = [cell.strip(" \\") for cell in line.split("&")]
    assert cells[2:4] == ["pass@8, $T=1.0$", "20.0"]
    # mean 31, s = 1.414, t(0.975, 1) = 12.706: 12.7 to both sides; half more than vanilla's 20.
    assert cells[4] == r"cellcolor{red!60}31.0 {\scriptsize$\pm12.7$}"
    assert cells[5] == "--"  # no SFT at this setting
    assert cells[8:] == ["--"] * 5  # nothing at this setting on test


def test_an_interval_cut_at_0_is_not_symmetric(document: str):
    assert "$^{+" not in document
    runs = [make_run("rl", s, accuracy={PASS_1: [(1.0, 0.01 + s / 50)]}) for s in range(2)]
    cut = table_latex(build_report(UUID(int=1), "cut", runs, {}, (), "population", NOW))
    assert r"2.0 {\scriptsize$^{+12.7}_{-2.0}$}" in cut


def test_names_are_escaped(document: str):
    assert r"rl\_1 (Mean)" in document
    assert r"50\% of \$x\_1\$ \& \#2" in document
    assert r"\input" not in document
    assert escape("a\\b") == r"a\textbackslash{}b"
    assert escape("é 数\n学") == "é ? ?"


def test_tint_is_deeper_for_larger_changes():
    assert (tint(None), tint(0.0)) == ("", "")
    assert tint(0.25) == r"\cellcolor{red!30}"
    assert tint(-0.25) == r"\cellcolor{green!30}"
    assert tint(9.0) == r"\cellcolor{red!60}"


def test_a_table_without_lines_is_a_document():
    empty = table_latex(build_report(UUID(int=1), "none", (), {}, (), "population", NOW))
    assert empty.endswith("\\end{document}\n")


@pytest.mark.parametrize("name", ["whole", "empty"])
def test_it_compiles_where_a_tex_is_at_hand(name: str, document: str, tmp_path: Path):
    empty = table_latex(build_report(UUID(int=1), "none", (), {}, (), "population", NOW))
    text = {"whole": document, "empty": empty}[name]
    assert text.startswith(r"\documentclass")
    if PROGRAM is None:
        return
    (tmp_path / "table.tex").write_text(text, encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if "pdf" in PROGRAM else []
    done = subprocess.run(
        [PROGRAM, *options, "table.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "table.pdf").stat().st_size > 1000
