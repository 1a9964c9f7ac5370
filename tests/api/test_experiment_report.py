"""The report of an experiment over REST: exact numbers of made-up runs, live, and its exports."""

import csv
import json
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from api_caller import NOW, Api
from experiment_makers import (
    DECODING,
    SPLITS,
    accuracy_key,
    answer,
    carry_out,
    carry_out_training,
    complete_library,
    create,
    step,
)

from backend.analysis.curves import Decoded
from backend.api.services.experiment_report import gather_curves
from backend.api.services.experiments import show_cells

SFT_CURVES = ([0.5, 0.25], [0.25, 0.5])
RL_CURVES = ([0.5, 1.0], [0.75, 0.75])


@pytest.fixture
def experiment(api: Api) -> dict[str, Any]:
    complete_library(api)
    return create(api)


def carry_out_vanilla(api: Api) -> str:
    """Half of the problems; the first of each split is solved at k = 1."""
    keys = [accuracy_key(s, d["k"], d["temperature"]) for s in SPLITS for d in DECODING]
    # The control, with pictures permuted, is no part of the table.
    control = {key.replace("own", "permuted"): 0.0 for key in keys}
    answers = [answer(0, split, row, is_correct=row == 1) for split in SPLITS for row in (1, 2)]
    return carry_out(api, [*answers, step(0, 0.0, {**dict.fromkeys(keys, 0.5), **control})])


def carry_out_everything(api: Api) -> None:
    carry_out_vanilla(api)
    for sft, rl in zip(SFT_CURVES, RL_CURVES, strict=True):
        carry_out_training(api, sft)
        carry_out_training(api, rl)


def report_of(api: Api, experiment: dict[str, Any], **query: str) -> dict[str, Any]:
    return api.get(f"experiments/{experiment['id']}/report", **query)


def test_the_table_holds_means_and_best_epochs_over_seeds(
    api: Api, experiment: dict[str, Any]
) -> None:
    carry_out_everything(api)
    report = report_of(api, experiment)
    assert report["is_complete"] is True
    assert [(row["split"], row["k"]) for row in report["table"]] == [
        ("validation", 2),
        ("validation", 1),
        ("test", 2),
        ("test", 1),
    ]
    for row in report["table"]:
        assert row["vanilla"]["value"] == 0.5
        sft, rl = row["entries"]
        assert (sft["mean"]["value"], sft["maximum"]["value"]) == (0.375, 0.5)
        assert (rl["mean"]["value"], rl["maximum"]["value"]) == (0.75, 0.875)
        assert (sft["mean_gain"], rl["mean_gain"]) == (-0.25, 0.5)
        assert rl["mean"]["num_observations"] == 2


def test_answers_give_vanilla_its_interval_over_problems(
    api: Api, experiment: dict[str, Any]
) -> None:
    carry_out_vanilla(api)
    methods = {row["k"]: row["vanilla"]["method"] for row in report_of(api, experiment)["table"]}
    assert methods == {2: "problems unknown", 1: "Wilson over 2 problems"}


def test_problems_count_as_solved_by_any_response_of_the_last_evaluation(
    api: Api, experiment: dict[str, Any]
) -> None:
    carry_out_vanilla(api)
    twice = {"k": 2, "temperature": 1.0}
    first = [answer(1, "test", row, is_correct=True) for row in (1, 2)]
    last = [answer(2, "test", row, is_correct=row == 2) for row in (1, 2)]
    tried = [
        answer(2, "test", 1, is_correct=sample == 1) | twice | {"sample": sample}
        for sample in (0, 1)
    ]
    permuted = [answer(3, "test", 1, is_correct=True) | {"pictures": "permuted"}]
    carry_out(api, [*first, *last, *tried, *permuted, step(2, 1.0, {})])
    with api.platform.database.read_scope() as session:
        cells = show_cells(session, UUID(experiment["id"]), NOW)
        (curves,) = [c for c in gather_curves(session, cells) if (c.setting, c.seed) == ("sft", 0)]
    assert curves.solved == {
        Decoded("test", 1, 0.01): {"test-1": False, "test-2": True},
        Decoded("test", 2, 1.0): {"test-1": True},
    }


def test_the_report_is_live(api: Api, experiment: dict[str, Any]) -> None:
    assert report_of(api, experiment)["table"] == []
    carry_out_vanilla(api)
    (row, *_) = report_of(api, experiment)["table"]
    assert row["entries"][1]["mean"] is None
    carry_out_training(api, SFT_CURVES[0])
    carry_out_training(api, RL_CURVES[0])
    live = report_of(api, experiment)
    assert live["is_complete"] is False
    assert live["table"][0]["entries"][1]["mean"]["value"] == 0.75
    assert live["table"][0]["entries"][1]["mean"]["low"] is None
    statuses = [(run["setting"], run["seed"], run["status"]) for run in live["runs"]]
    assert statuses == [
        ("vanilla", None, "succeeded"),
        ("sft", 0, "succeeded"),
        ("sft", 1, "queued"),
        ("rl", 0, "succeeded"),
        ("rl", 1, "queued"),
    ]


def test_a_failed_run_is_left_out_until_its_rerun(api: Api, experiment: dict[str, Any]) -> None:
    carry_out_vanilla(api)
    carry_out_training(api, SFT_CURVES[0])
    lost = carry_out(api, [step(1, 1.0, {accuracy_key("test", 1, 0.01): 0.0})], "failed")
    report = report_of(api, experiment)
    assert any("1 failed run of rl" in warning for warning in report["warnings"])
    assert all(row["entries"][1]["mean"] is None for row in report["table"])
    assert api.post(f"experiments/{experiment['id']}/runs/{lost}/rerun").status_code == 201
    carry_out_training(api, SFT_CURVES[1])
    carry_out_training(api, RL_CURVES[1])
    carry_out_training(api, RL_CURVES[0])
    again = report_of(api, experiment)
    assert not any("failed" in warning for warning in again["warnings"])
    assert again["table"][0]["entries"][1]["mean"]["value"] == 0.75


def test_the_standard_deviation_is_chosen(api: Api, experiment: dict[str, Any]) -> None:
    carry_out_everything(api)

    def band(spread: str) -> float:
        report = report_of(api, experiment, spread=spread)
        assert report["spread"] == spread
        panels = [p for f in report["figures"] for b in f["blocks"] for p in b["panels"]]
        (first, *_) = [s for p in panels for s in p["series"] if s["role"] == "rl"]
        return first["std"][0]

    # At epoch 1 the seeds have 0.5 and 0.75.
    assert band("population") == pytest.approx(0.125)
    assert band("sample") == pytest.approx(0.125 * 2**0.5)
    url = f"/api/v1/experiments/{experiment['id']}/report"
    refused = api.client.get(url, headers=api.person, params={"spread": "range"})
    assert refused.status_code == 422


def fetch(api: Api, experiment: dict[str, Any], name: str) -> Any:
    url = f"/api/v1/experiments/{experiment['id']}/{name}"
    return api.client.get(url, headers=api.person)


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


FILES = {
    "report.csv": ("text/csv", "shapes-table.csv", b"model,dataset"),
    "report-curves.csv": ("text/csv", "shapes-curves.csv", b"figure,block"),
    "report.tex": ("application/x-tex", "shapes-table.tex", b"\\documentclass"),
    "report.json": ("application/json", "shapes.json", b"{"),
    "figures/figure-5.svg": ("image/svg+xml", "shapes-figure-5.svg", b"<?xml"),
    "figures/figure-5.png": ("image/png", "shapes-figure-5.png", b"\x89PNG"),
}


def test_every_export_has_its_type_and_file_name(api: Api, experiment: dict[str, Any]) -> None:
    carry_out_everything(api)
    for name, (media_type, file_name, beginning) in FILES.items():
        answer = fetch(api, experiment, name)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] == media_type
        assert f'filename="{file_name}"' in answer.headers["content-disposition"]
        assert answer.content.startswith(beginning)


def test_exports_hold_the_numbers_of_the_report(api: Api, experiment: dict[str, Any]) -> None:
    carry_out_everything(api)
    report = report_of(api, experiment)
    exported = json.loads(fetch(api, experiment, "report.json").text)
    assert exported["table"] == report["table"]
    table = lines_of(fetch(api, experiment, "report.csv").text)
    means = {
        line["value"] for line in table if (line["setting"], line["statistic"]) == ("rl", "mean")
    }
    assert means == {"0.75"}
    points = sum(
        len(s["x"])
        for f in report["figures"]
        for b in f["blocks"]
        for p in b["panels"]
        for s in p["series"]
    )
    curves = lines_of(fetch(api, experiment, "report-curves.csv").text)
    assert len(curves) == points > 0
    assert {line["figure"] for line in curves} == {"figure-5"}
    assert "75.0" in fetch(api, experiment, "report.tex").text


def test_an_experiment_without_a_number_is_exported_too(
    api: Api, experiment: dict[str, Any]
) -> None:
    for name in FILES:
        assert fetch(api, experiment, name).status_code == 200, name


def test_unknown_figures_and_experiments_are_refused(api: Api, experiment: dict[str, Any]) -> None:
    assert fetch(api, experiment, "figures/figure-99.svg").json()["code"] == "not_found"
    assert fetch(api, experiment, "figures/figure-5.gif").status_code == 422
    assert fetch(api, experiment, "figures/..%2Fadmin-token.svg").status_code in (404, 422)
    for name in ("report", "report.csv", "figures/figure-4.svg"):
        assert fetch(api, {"id": str(UUID(int=0))}, name).status_code == 404


def test_file_names_hold_nothing_of_a_name_but_letters_and_digits(api: Api) -> None:
    complete_library(api)
    odd = create(api, name='A "quote"\r\nX: \u00fc/../..')
    assert (
        'filename="a-quote-x.json"' in fetch(api, odd, "report.json").headers["content-disposition"]
    )
    empty = create(api, name="\u4e09")
    expected = f'filename="experiment-{empty["id"]}.json"'
    assert expected in fetch(api, empty, "report.json").headers["content-disposition"]
