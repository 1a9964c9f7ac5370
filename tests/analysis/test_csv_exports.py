"""Table and curves as CSV."""

import csv
from io import StringIO
from uuid import UUID

from curves_by_hand import PASS_1, make_run
from test_build_report import NOW

from backend.analysis import keys
from backend.analysis.build import build_report
from backend.analysis.exports import curves_csv, table_csv


def report():
    runs = [
        make_run("vanilla", accuracy={PASS_1: [(0.0, 0.2)]}),
        make_run(
            "rl",
            accuracy={PASS_1: [(1.0, 0.3), (2.0, 0.5)]},
            series={keys.REFLECTION_RATIO: [(1, 0.25), (3, 0.75)]},
            epochs={1: 1.0, 2: 2.0, 3: 3.0},
        ),
        make_run("sft", status="queued"),
    ]
    return build_report(UUID(int=1), "name", runs, {}, (), "population", NOW)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_table():
    lines = {(line["setting"], line["statistic"]): line for line in read(table_csv(report()))}
    assert len(lines) == 5
    assert lines["vanilla", "accuracy"]["value"] == "0.2"
    assert lines["rl", "mean"]["value"] == "0.4"
    assert lines["rl", "max"]["value"] == "0.5"
    assert float(lines["rl", "mean"]["relative_gain"]) == 1.0
    assert lines["rl", "mean"]["low"] == ""
    assert lines["sft", "mean"]["value"] == ""
    assert {line["split"] for line in lines.values()} == {"validation"}


def test_curves_keep_gaps():
    figure = report().figures[2]
    lines = [line for line in read(curves_csv([figure])) if line["panel"] == "Reflection ratio"]
    assert [(line["x"], line["mean"]) for line in lines] == [
        ("1.0", "0.25"),
        ("2.0", ""),
        ("3.0", "0.75"),
    ]
    assert {line["curve"] for line in lines} == {"rl"}


def test_an_empty_figure_has_its_header():
    text = curves_csv(report().figures[4:5])
    assert text.startswith("figure,block,panel,curve,role,")
    assert text.count("\n") == 1
