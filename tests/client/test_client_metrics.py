"""Metrics, samples, evaluations and reports as the client gives them."""

import math

import numpy as np
import polars as pl
import pytest

from maye import Client, ServerError
from maye.client import frames
from maye.errors import CommandError
from tests.client.served import Served

ACCURACY, LOSS = "training/accuracy", "policy/loss"
VALUES: dict[int, dict[str, float]] = {
    1: {ACCURACY: 0.1 + 0.2, LOSS: math.nan},
    2: {ACCURACY: 1 / 3},
    3: {ACCURACY: 5e-324, LOSS: math.inf},
    4: {ACCURACY: 1.7976931348623157e308, LOSS: -math.inf},
}


@pytest.fixture
def run_id(served: Served, maye: Client) -> str:
    run_id = served.create_run(maye)
    for rl_step, values in VALUES.items():
        served.log_step(run_id, rl_step, values)
    return run_id


def test_steps_hold_every_value_exactly(maye: Client, run_id: str) -> None:
    steps = maye.metrics(run_id)
    assert [step["rl_step"] for step in steps] == [1, 2, 3, 4]
    np.testing.assert_equal({step["rl_step"]: step["values"] for step in steps}, VALUES)
    first = steps[0]
    assert (first["samples"], first["tokens"], first["seconds"]) == (8, 80, 1.1)
    only = maye.metrics(run_id, [LOSS])
    assert [list(step["values"]) for step in only] == [[LOSS], [], [LOSS], [LOSS]]
    with pytest.raises(ServerError, match="invalid_input"):
        maye.metrics(run_id, ["nowhere/metric"])


def test_pages_of_steps_have_no_seam(served: Served, maye: Client) -> None:
    run_id = served.create_run(maye)
    for rl_step in range(405):
        served.log_step(run_id, rl_step, {LOSS: rl_step / 7})
    steps = maye.metrics(run_id)
    assert [step["values"][LOSS] for step in steps] == [rl_step / 7 for rl_step in range(405)]


def test_a_pandas_table_has_a_row_for_a_step(maye: Client, run_id: str) -> None:
    table = maye.metrics(run_id, frame="pandas")
    assert list(table.columns) == [*frames.AXES, LOSS, ACCURACY]
    assert table["rl_step"].dtype == "int64"
    assert list(table[ACCURACY]) == [values[ACCURACY] for values in VALUES.values()]
    np.testing.assert_equal(list(table[LOSS]), [math.nan, math.nan, math.inf, -math.inf])
    assert table["logged_at"][0].isoformat() == "2026-01-02T03:04:06.000123+00:00"
    tidy = maye.metrics(run_id, frame="pandas", is_tidy=True)
    assert len(tidy) == 7
    assert list(tidy[tidy["key"] == LOSS]["rl_step"]) == [1, 3, 4]


def test_a_polars_table_tells_nan_from_not_measured(maye: Client, run_id: str) -> None:
    table = maye.metrics(run_id, frame="polars")
    assert table.columns == [*frames.AXES, LOSS, ACCURACY]
    assert table.schema["epoch"] == pl.Float64
    loss = table[LOSS].to_list()
    assert math.isnan(loss[0])
    assert loss[1:] == [None, math.inf, -math.inf]
    tidy = maye.metrics(run_id, [ACCURACY], frame="polars", is_tidy=True)
    assert tidy["value"].to_list() == [values[ACCURACY] for values in VALUES.values()]


def test_a_run_without_metrics_gives_empty_tables(served: Served, maye: Client) -> None:
    run_id = served.create_run(maye)
    assert maye.metrics(run_id) == []
    assert maye.metrics(run_id, frame="pandas").empty
    assert maye.metrics(run_id, frame="polars", is_tidy=True).is_empty()


def test_a_missing_package_is_named() -> None:
    with pytest.raises(CommandError, match=r"no_such_package is not installed: .*maye\[data\]"):
        frames.load_optional("no_such_package")


def test_keys_series_and_samples(served: Served, maye: Client, run_id: str) -> None:
    assert [entry["key"] for entry in maye.metric_keys(run_id)] == [LOSS, ACCURACY]
    points = maye.series(run_id, LOSS)
    assert math.isnan(points[0]["value"])
    assert points[1]["value"] == math.inf
    served.log_sample(run_id, 4, response="It is \\boxed{1}")
    page = maye.samples(run_id)
    assert page["rl_step"] == 4
    (sample,) = page["samples"]
    assert sample["response"] == "It is \\boxed{1}"
    assert sample["image_sha256"] is not None
    assert maye.dataset_image("shapes", sample["image_sha256"]).startswith(b"\x89PNG")


def test_the_library_is_listed(maye: Client) -> None:
    assert [dataset["slug"] for dataset in maye.datasets()] == ["shapes"]
    assert maye.dataset("shapes")["num_images"] == 1
    assert [item["item_id"] for item in maye.dataset_items("shapes")] == ["item-1", "item-2"]
    assert list(maye.dataset_items("shapes", split="test")) == []
    assert [model["slug"] for model in maye.models()] == ["tiny"]
    assert maye.model("tiny")["num_parameters"] == 1000
    assert ACCURACY in {metric["name"] for metric in maye.metric_catalogue()}
    assert maye.config_schema("sft")["title"]
