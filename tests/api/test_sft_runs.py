"""Runs of supervised fine-tuning over REST: created, listed, shown, claimed; refused by field."""

from typing import Any

import sqlalchemy as sa
from api_caller import Api

from backend.database.tables import DatasetItem


def add_solutions(api: Api, *rows: int) -> None:
    with api.platform.database.session_scope() as session:
        for row in rows:
            session.execute(
                sa.update(DatasetItem).where(DatasetItem.row == row).values(solution=f"So {row}.")
            )


def create_sft(api: Api, **config: Any) -> Any:
    wanted = {"kind": "sft", "model": "tiny", "dataset": "shapes", **config}
    return api.post("runs", {"name": "taught", "config": wanted})


def test_an_sft_run_is_created_listed_shown_and_claimed(api: Api) -> None:
    add_solutions(api, 1, 2)
    answer = create_sft(api, supervised={"samples_per_update": 2})
    assert answer.status_code == 201, answer.text
    run = answer.json()
    assert run["kind"] == "sft"
    assert run["config"]["supervised"]["samples_per_update"] == 2
    assert run["config"]["optimizer"]["learning_rate"] == 1e-5
    assert "algorithm" not in run["config"]
    assert api.get("runs")["runs"][0]["kind"] == "sft"
    assert api.get(f"runs/{run['id']}") == run
    claim = api.claim()
    assert claim is not None
    assert claim["config"] == run["config"]


def test_a_body_without_a_kind_is_an_rl_run(api: Api) -> None:
    assert api.create_run()["config"]["kind"] == "rl"


def test_a_data_set_without_solutions_is_refused_with_the_row(api: Api) -> None:
    add_solutions(api, 1)
    problem = create_sft(api).json()
    assert problem["status"] == 422
    assert problem["fields"][0]["path"] == ["config", "dataset"]
    assert "row 2 of split train" in problem["fields"][0]["message"]


def test_a_refused_field_of_an_sft_run_is_named_without_its_kind(api: Api) -> None:
    problem = create_sft(api, supervised={"packing": "perhaps"}, algorithm={}).json()
    paths = [field["path"] for field in problem["fields"]]
    assert sorted(paths) == [["config", "algorithm"], ["config", "supervised", "packing"]]


def test_an_unknown_kind_is_refused_with_those_allowed(api: Api) -> None:
    problem = create_sft(api, kind="dpo").json()
    assert problem["fields"][0]["path"] == ["config"]
    assert "'rl', 'sft'" in problem["fields"][0]["message"]


def test_the_schema_of_a_kind_has_its_fields_alone(api: Api) -> None:
    rl, sft = (api.get("schemas/run-config", kind=kind) for kind in ("rl", "sft"))
    assert api.get("schemas/run-config") == rl
    assert "algorithm" in rl["properties"]
    assert "supervised" in sft["properties"]
    assert "algorithm" not in sft["properties"]


def test_problems_are_shown_with_their_solutions(api: Api) -> None:
    add_solutions(api, 2)
    items = api.get("datasets/shapes/items")["items"]
    assert [item["solution"] for item in items] == [None, "So 2."]


def test_more_devices_than_problems_and_vision_parts_beside_adapters_are_refused_by_field(
    api: Api,
) -> None:
    add_solutions(api, 1, 2)
    problem = create_sft(api, supervised={"samples_per_update": 2}, parallel={"devices": 3}).json()
    assert problem["fields"][0]["path"] == ["config", "parallel", "devices"]
    problem = create_sft(api, lora={}, trained={"connector": True}).json()
    assert problem["fields"][0]["path"] == ["config", "trained", "connector"]
