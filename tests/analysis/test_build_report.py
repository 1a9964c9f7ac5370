"""The whole report."""

from datetime import UTC, datetime
from uuid import UUID

from curves_by_hand import PASS_1, make_run

from backend.analysis.build import build_report
from backend.analysis.report import Report

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def report_of(*runs, warnings=()) -> Report:
    configs = {"vanilla": {}, "rl": {"epochs": 2}, "sft": {"epochs": 3}}
    return build_report(UUID(int=1), "first", runs, configs, warnings, "population", NOW)


def test_a_report_survives_its_json():
    report = report_of(
        make_run("vanilla", accuracy={PASS_1: [(0.0, 0.1)]}),
        make_run("sft", accuracy={PASS_1: [(1.0, 0.2)]}),
        make_run("rl", accuracy={PASS_1: [(1.0, 0.3)]}),
    )
    assert report.is_complete
    assert [entry.setting for entry in report.table[0].entries] == ["rl", "sft"]
    assert [d.path for d in report.differences] == ["epochs"]
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_an_experiment_that_has_just_been_created():
    report = report_of(make_run("rl", status="queued"), make_run("vanilla", status="queued"))
    assert not report.is_complete
    assert report.table == ()
    assert len(report.figures) == 5


def test_an_experiment_without_runs_is_not_complete():
    assert not report_of().is_complete


def test_what_a_reader_must_know():
    report = report_of(
        make_run("rl", 0),
        make_run("rl", 1, status="failed"),
        make_run("sft", 0),
        make_run("sft", 1),
        warnings=["111 pictures occur in both"],
    )
    assert report.warnings == (
        "111 pictures occur in both",
        "1 failed run of rl (workbench-base on workbench-vision) left out of table, figures and "
        "findings",
        "settings of workbench-base on workbench-vision rest on different seeds (rl: 0; sft: 0, 1)",
    )
