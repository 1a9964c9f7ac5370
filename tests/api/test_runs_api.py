"""Runs over REST: creation, pages, problems, attempts, cancellation."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from api_caller import SMALL, Api, step

HUGE = "9" * 5000


def test_a_run_is_created_queued_with_its_resolved_configuration(api: Api) -> None:
    run = api.create_run(seed=3)
    assert run["status"] == "queued"
    assert run["config"]["algorithm"]["kl_coefficient"] == 0.001
    assert run["seed"] == 3
    assert run["waits_for"] == "position 1 in the queue: no worker has asked for work yet"
    assert api.get(f"runs/{run['id']}") == run


def test_refused_fields_are_named_with_what_came_and_what_is_allowed(api: Api) -> None:
    config = {"model": "tiny", "dataset": "shapes", "algorithm": {"clip_low": 7, "clipp": 1}}
    answer = api.post("runs", {"name": "", "config": config})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid_input"
    assert problem["request_id"] == answer.headers["x-request-id"]
    fields = {tuple(field["path"]): field for field in problem["fields"]}
    assert set(fields) == {
        ("name",),
        ("config", "algorithm", "clip_low"),
        ("config", "algorithm", "clipp"),
    }
    clip = fields["config", "algorithm", "clip_low"]
    assert clip["got"] == "7"
    assert "less than 1" in clip["message"]


@pytest.mark.parametrize(("field", "value"), [("model", "absent"), ("dataset", "absent")])
def test_an_absent_model_or_data_set_is_named_by_its_field(
    api: Api, field: str, value: str
) -> None:
    config = {"model": "tiny", "dataset": "shapes", field: value}
    problem = api.post("runs", {"name": "x", "config": config}).json()
    assert problem["status"] == 422
    assert problem["fields"][0]["path"] == ["config", field]
    assert value in problem["fields"][0]["got"]


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "\\ud800", "config": {}}',
        '{"name": "a", "config": {"seed": NaN}}',
        '{"name": 1e999, "config": {"seed": 1' + "0" * 400 + "}}",
        '{"name": ' + HUGE + "}",
        "[" * 100_000,
        "",
        "null",
        '{"\\ud800": 1}',
    ],
)
def test_strange_json_is_a_problem_and_never_an_error_inside(api: Api, body: str) -> None:
    headers = {**api.person, "Content-Type": "application/json"}
    answer = api.client.post("/api/v1/runs", content=body, headers=headers)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "runs/no-uuid",
        f"runs?limit={HUGE}",
        "runs?limit=0",
        "runs?cursor=!!",
        "runs?cursor=MTox",
        "runs?cursor=4pyT",
        "runs?status=unknown",
        "datasets/shapes/items?cursor=MTox" + "A" * 60,
        "datasets/%00",
    ],
)
def test_strange_parameters_are_problems(api: Api, path: str) -> None:
    answer = api.client.get(f"/api/v1/{path}", headers=api.person)
    assert answer.status_code in {404, 422}, answer.text
    assert answer.json()["code"] in {"not_found", "invalid_input"}


def test_a_name_with_nul_is_stored_without_it(api: Api) -> None:
    assert api.create_run("a\x00b\u2028c")["name"] == "a\ufffdb\u2028c"


def test_the_same_idempotency_key_gives_the_same_run_once(api: Api) -> None:
    body = {"name": "once", "config": SMALL}
    key = {"Idempotency-Key": "k1"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post("runs", body, key), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(api.get("runs")["runs"]) == 1
    other = api.post("runs", {**body, "name": "twice"}, key)
    assert other.status_code == 409


def test_pages_hold_every_run_once_newest_first_while_runs_are_added(api: Api) -> None:
    expected = [api.create_run(f"run {i}")["id"] for i in range(7)][::-1]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = api.get("runs", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [run["id"] for run in page["runs"]]
        api.create_run("added meanwhile")
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == expected
    assert len(api.get("runs", status="queued", limit=100)["runs"]) == 11
    assert api.get("runs", status="running")["runs"] == []


def test_a_run_goes_through_an_attempt_to_success(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    assert claim["run_id"] == run["id"]
    assert claim["fence"] == 1
    assert claim["config"] == run["config"]
    assert api.get(f"runs/{run['id']}")["status"] == "starting"
    assert api.beat(claim).json() == {"should_cancel": False}
    progress = {"type": "progress", "rl_step": 2, "total_rl_steps": 9, "phase": "updating"}
    assert api.ingest(claim, [step(2, training__accuracy=0.5), progress]).json() == {}
    shown = api.get(f"runs/{run['id']}")
    assert (shown["status"], shown["rl_step"], shown["total_rl_steps"]) == ("running", 2, 9)
    assert shown["training_accuracy"] == 0.5
    for _ in range(2):
        assert api.end(claim, "succeeded").json() == {}
    assert api.ingest(claim, [progress]).status_code == 409
    assert api.beat(claim).status_code == 409
    events = api.get(f"runs/{run['id']}/events")
    assert [event["to_status"] for event in events] == [
        "queued",
        "starting",
        "running",
        "succeeded",
    ]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert events[1]["actor"] == "host"


def test_a_queued_run_says_who_holds_the_slot(api: Api) -> None:
    api.create_run("long one")
    api.claim("box")
    waiting = [api.create_run(name)["id"] for name in ("b", "c")]
    assert api.get(f"runs/{waiting[1]}")["waits_for"] == (
        "position 2 in the queue: run 'long one' holds the only slot of worker 'box'"
    )


def test_cancelling_a_queued_run_ends_it_and_a_running_one_asks_its_runner(api: Api) -> None:
    queued = api.create_run()
    answer = api.post(f"runs/{queued['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    again = api.post(f"runs/{queued['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")

    running = api.create_run()
    claim = api.claim()
    assert claim is not None
    api.beat(claim)
    for _ in range(2):
        assert api.post(f"runs/{running['id']}/cancel").json()["status"] == "cancelling"
    assert api.beat(claim).json() == {"should_cancel": True}
    assert api.end(claim, "cancelled").status_code == 200
    assert api.get(f"runs/{running['id']}")["status"] == "cancelled"


def test_a_failed_run_tells_code_and_reason(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    assert (
        api.end(claim, "failed", error_code="out_of_memory", reason="no\x00 room").status_code
        == 200
    )
    shown = api.get(f"runs/{run['id']}")
    assert (shown["status"], shown["error_code"]) == ("failed", "out_of_memory")
    assert shown["reason"] == "no\ufffd room"
    assert shown["finished_at"] is not None


def test_non_finite_metrics_are_stored_and_served_as_words(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    values = ["NaN", "Infinity", "-Infinity", 0.25]
    records = [step(i, policy__loss=value) for i, value in enumerate(values)]
    for record in (*records, step(4, training__accuracy="NaN")):
        assert api.ingest(claim, [record]).status_code == 200
    (series,) = api.get(f"runs/{run['id']}/series", keys="policy/loss")
    assert [point["value"] for point in series["points"]] == values
    keys = {key["key"]: key for key in api.get(f"runs/{run['id']}/metrics")}
    assert keys["policy/loss"]["last_value"] == 0.25
    assert keys["training/accuracy"]["last_value"] is None
    assert math.isnan(float(api.get(f"runs/{run['id']}")["training_accuracy"]))
    assert api.get("runs")["runs"][0]["training_accuracy"] == "NaN"


@pytest.mark.parametrize("key", ["training/made_up", "evaluation/accuracy", "no group"])
def test_a_metric_outside_the_catalogue_is_refused(api: Api, key: str) -> None:
    api.create_run()
    claim = api.claim()
    assert claim is not None
    answer = api.ingest(claim, [{**step(1), "metrics": {key: 1.0}}])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


def test_a_number_too_large_to_store_is_refused(api: Api) -> None:
    api.create_run()
    claim = api.claim()
    assert claim is not None
    checkpoint: dict[str, Any] = {
        "type": "checkpoint",
        "rl_step": 1,
        "name": "step-00000001.f1",
        "manifest_sha256": "b" * 64,
        "size_bytes": 2**63,
    }
    assert api.ingest(claim, [checkpoint]).status_code == 422
