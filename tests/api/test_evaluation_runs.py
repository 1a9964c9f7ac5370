"""Evaluations as jobs of their own, and the alarms of runs, over REST."""

from typing import Any

import pytest
import sqlalchemy as sa
from api_caller import TINY, Api, step, write_model

from backend.contract.config import EvaluationRunConfig
from backend.database.tables import Dataset, DatasetItem

ACCURACY = "evaluation/accuracy{k=1,pictures=own,split=validation,temperature=0.01}"


@pytest.fixture(autouse=True)
def held_out(api: Api) -> None:
    """One problem each of validation and test, unlike those of training."""
    with api.platform.database.session_scope() as session:
        dataset_id = session.scalars(sa.select(Dataset.id)).one()
        for split in ("validation", "test"):
            session.add(problem(dataset_id, split))


def problem(dataset_id: Any, split: str, **more: Any) -> DatasetItem:
    about = {"item_id": f"{split}-1", "question": f"Held out: {split}?", "answer": "7"}
    return DatasetItem(**{"dataset_id": dataset_id, "split": split, "row": 1, **about, **more})


def evaluate(api: Api, name: str | None = None, **config: Any) -> Any:
    wanted = {"model": "tiny", "dataset": "shapes", **config}
    return api.post("evaluations", {"config": wanted} | ({"name": name} if name else {}))


def refused(answer: Any) -> tuple[list[Any], str]:
    assert answer.status_code == 422, answer.text
    (field,) = answer.json()["fields"]
    return field["path"], field["message"]


def trained(api: Api, accuracies: dict[int, float], on_disk: tuple[int, ...]) -> str:
    """A run with a checkpoint of each step, those on disk not yet removed."""
    run = api.create_run("trained")
    claim = api.claim(slots=100)
    assert claim is not None
    for rl_step, accuracy in accuracies.items():
        checkpoint = {
            "type": "checkpoint",
            "rl_step": rl_step,
            "name": f"step-{rl_step:08d}.f1",
            "manifest_sha256": "d" * 64,
            "size_bytes": 1,
        }
        assert api.ingest(claim, [step(rl_step, **{ACCURACY: accuracy}), checkpoint]).is_success
        if rl_step in on_disk:
            folder = api.platform.settings.paths.run(claim["run_id"]).checkpoints
            (folder / checkpoint["name"]).mkdir(parents=True)
    return run["id"]


def test_a_model_by_itself_is_queued_claimed_listed_and_shown(api: Api) -> None:
    answer = evaluate(api, splits=["test"])
    assert answer.status_code == 201, answer.text
    run = answer.json()
    assert (run["kind"], run["name"], run["status"]) == ("evaluation", "tiny on shapes", "queued")
    assert (run["alarms"], run["warnings"]) == ([], [])
    assert run["config"]["checkpoint"] is None
    assert run["config"]["evaluation"]["decoding"][0]["k"] == 8
    assert api.get("runs")["runs"][0]["kind"] == "evaluation"
    assert api.get(f"runs/{run['id']}") == run
    claim = api.claim()
    assert claim is not None
    assert claim["config"] == run["config"]
    EvaluationRunConfig.model_validate(claim["config"])


def test_runs_takes_evaluations_too(api: Api) -> None:
    config = {"kind": "evaluation", "model": "tiny", "dataset": "shapes"}
    answer = api.post("runs", {"name": "vanilla", "config": config})
    assert answer.status_code == 201, answer.text
    path, _ = refused(api.post("runs", {"name": "x", "config": {**config, "evaluation": {"a": 1}}}))
    assert path == ["config", "evaluation", "a"]


@pytest.mark.parametrize(("wish", "expected"), [("best", 20), ("last", 30), (30, 30), (None, 30)])
def test_a_checkpoint_is_found_by_what_it_is(api: Api, wish: Any, expected: int) -> None:
    run_id = trained(api, {10: 0.2, 20: 0.6, 25: 0.6, 30: 0.5}, on_disk=(20, 30))
    choice = {"run": run_id} | ({} if wish is None else {"rl_step": wish})
    answer = evaluate(api, checkpoint=choice)
    assert answer.status_code == 201, answer.text
    run = answer.json()
    assert run["config"]["checkpoint"] == {"run": run_id, "rl_step": expected}
    assert run["name"] == f"trained, step {expected}, on shapes"


def test_a_checkpoint_that_is_not_there_is_refused_by_field(api: Api) -> None:
    run_id = trained(api, {10: 0.2, 20: 0.6}, on_disk=(20,))
    untrained = api.create_run()["id"]
    nobody = "00000000-0000-0000-0000-000000000000"
    for choice, field, words in (
        ({"run": run_id, "rl_step": 10}, "rl_step", "it has of steps: 20"),
        ({"run": run_id, "rl_step": "worst"}, "rl_step", "a step from 0, best or last"),
        ({"run": run_id, "rl_step": -1}, "rl_step", "a step from 0, best or last"),
        ({"run": untrained, "rl_step": "best"}, "run", "with a checkpoint"),
        ({"run": untrained, "rl_step": 0}, "rl_step", "it has of steps: none"),
        ({"run": nobody, "rl_step": 1}, "run", "there is no run"),
        ({"run": nobody}, "run", "there is no run"),
    ):
        path, message = refused(evaluate(api, checkpoint=choice))
        assert path == ["config", "checkpoint", field]
        assert words in message


def test_a_run_that_was_never_evaluated_has_no_best_checkpoint(api: Api) -> None:
    run_id = trained(api, {10: 0.2}, on_disk=(10,))
    with api.platform.database.session_scope() as session:
        session.execute(sa.text("DELETE FROM metric_points"))
    path, message = refused(evaluate(api, checkpoint={"run": run_id, "rl_step": "best"}))
    assert path == ["config", "checkpoint", "rl_step"]
    assert "none of its steps [10] was evaluated" in message


def test_what_an_evaluation_cannot_do_is_refused_by_field(api: Api) -> None:
    with api.platform.database.session_scope() as session:
        session.execute(sa.delete(DatasetItem).where(DatasetItem.split == "test"))
    for config, path, words in (
        ({}, ["splits", 1], "no problems in split test (it has train, validation)"),
        ({"splits": ["train", "train"]}, ["splits", 1], "given twice"),
        ({"model": "other"}, ["model"], "there is no model"),
        (
            {"evaluation": {"max_response_tokens": 8000}},
            ["evaluation", "max_response_tokens"],
            "at most 8192",
        ),
        ({"evaluation": {"pass_at": [9]}}, ["evaluation", "pass_at", 0], "(8)"),
        ({"evaluation": {"every_epochs": 1}}, ["evaluation", "every_epochs"], "not permitted"),
    ):
        found, message = refused(evaluate(api, **config))
        assert found == ["config", *path]
        assert words in message
    text_only = {name: value for name, value in TINY.items() if name != "vision_config"}
    write_model(api.platform.settings.paths, text_only)
    path, _ = refused(evaluate(api, splits=["validation"]))
    assert path == ["config", "dataset"]


def test_a_checkpoint_of_another_model_is_refused(api: Api) -> None:
    run_id = trained(api, {10: 0.2}, on_disk=(10,))
    with api.platform.database.session_scope() as session:
        session.execute(sa.text("UPDATE runs SET model = 'larger'"))
    path, message = refused(evaluate(api, checkpoint={"run": run_id, "rl_step": 10}))
    assert path == ["config", "model"]
    assert "must be 'larger'" in message


def test_the_same_request_gives_the_same_run_even_when_the_last_step_has_moved_on(
    api: Api,
) -> None:
    run_id = trained(api, {10: 0.2, 20: 0.1}, on_disk=(10, 20))
    body = {"config": {"model": "tiny", "dataset": "shapes", "checkpoint": {"run": run_id}}}
    first = api.post("evaluations", body, {"Idempotency-Key": "k"})
    with api.platform.database.session_scope() as session:
        session.execute(sa.text("DELETE FROM checkpoints WHERE rl_step = 20"))
    again = api.post("evaluations", body, {"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    body["name"] = "other"
    assert api.post("evaluations", body, {"Idempotency-Key": "k"}).status_code == 409


def test_the_form_of_every_kind_has_its_schema(api: Api) -> None:
    schema = api.get("schemas/run-config", kind="evaluation")
    assert schema["properties"]["splits"]["default"] == ["validation", "test"]
    assert "algorithm" not in schema["properties"]
    assert "supervised" in api.get("schemas/run-config", kind="sft")["properties"]
    assert "algorithm" in api.get("schemas/run-config")["properties"]


def test_an_alarm_is_raised_listed_streamed_and_cleared(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    position = api.platform.changefeed.read()
    api.ingest(claim, [step(i, response__empty_frac=0.9, policy__loss=1) for i in range(1, 13)])
    api.ingest(claim, [step(13, response__empty_frac=0.9, policy__loss="NaN")])
    nonfinite, empty = api.get(f"runs/{run['id']}")["alarms"]
    assert nonfinite == {
        "code": "nonfinite",
        "text": "policy/loss is not finite at 1 of the last 10 steps",
        "since_rl_step": 13,
    }
    assert (empty["code"], empty["since_rl_step"]) == ("responses_empty", 10)
    assert api.get("runs")["runs"][0]["alarms"] == [nonfinite, empty]
    assert api.platform.changefeed.read() > position
    api.ingest(claim, [step(i, response__empty_frac=0.0, policy__loss=1) for i in range(14, 30)])
    assert api.get(f"runs/{run['id']}")["alarms"] == []


def test_an_alarm_keeps_the_step_at_which_it_was_raised(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    for start in range(1, 200, 20):
        steps = [step(i, training__accuracy=0.3) for i in range(start, start + 20)]
        api.ingest(claim, steps)
    (alarm,) = api.get(f"runs/{run['id']}")["alarms"]
    assert (alarm["code"], alarm["since_rl_step"]) == ("plateau", 51)
    assert "over the last 100 steps" in alarm["text"]
