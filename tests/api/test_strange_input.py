"""No text and no number from outside is an error inside, on either database."""

import copy
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from api_caller import SMALL, Api, step
from device_makers import announcement, gpu
from experiment_makers import answer, carry_out, complete_library, create, spec
from fastapi import FastAPI

STRANGE_TEXTS = ("a\x00b", "\x00", "\u2028\U0001f600", "%", "\\", "'; --", "9" * 400)
STRANGE_NUMBERS = (2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30)


def described_parameters(
    api: Api, known: dict[str, str]
) -> Iterator[tuple[str, dict[str, str], str, str]]:
    """Path, parameters that it must have, and one to try: its name and place."""
    app = api.client.app
    assert isinstance(app, FastAPI)
    for path, operations in app.openapi()["paths"].items():
        parameters = operations.get("get", {}).get("parameters", [])
        if path.endswith("/stream") or not parameters:
            continue
        usual = {p["name"]: known.get(p["name"], "1") for p in parameters if p["required"]}
        for parameter in parameters:
            if parameter["in"] in ("query", "path"):
                yield path, usual, parameter["name"], parameter["in"]


def test_no_parameter_of_a_question_is_an_error_inside(api: Api) -> None:
    complete_library(api)
    experiment = create(api)
    run_id = carry_out(api, [answer(1, "validation", 1, is_correct=True)])
    evaluation = api.get("evaluations", run=run_id)[0]["id"]
    known = {"slug": "shapes", "sha256": "a" * 64, "kind": "rl", "run_id": run_id, "run": run_id}
    known |= {"experiment_id": experiment["id"], "name": "figure-5", "extension": "svg"}
    known |= dict.fromkeys(("evaluation_id", "a", "b"), str(evaluation))
    num_asked = 0
    for path, usual, name, place in described_parameters(api, known):
        for strange in (*STRANGE_TEXTS, *map(str, STRANGE_NUMBERS)):
            values = {**usual, name: strange}
            address = path
            for key in [key for key in values if f"{{{key}}}" in path]:
                address = address.replace(f"{{{key}}}", quote(values.pop(key), safe=""))
            answered = api.client.get(address, params=values, headers=api.person)
            assert answered.status_code < 500, (place, address, values, answered.text)
            num_asked += 1
    assert num_asked > 500


def leaves(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every text and number of a body, with the way to it."""
    items = body.items() if isinstance(body, dict) else enumerate(body)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            yield (*path, key), value


def strange_bodies(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The body with one leaf at a time replaced by something strange."""
    for path, value in list(leaves(body)):
        texts = (f"{value}\x00", "\x00") if isinstance(value, str) else ()
        for strange in texts or STRANGE_NUMBERS:
            changed = copy.deepcopy(body)
            place: Any = changed
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = strange
            yield changed


def test_no_body_of_people_is_an_error_inside(api: Api) -> None:
    complete_library(api)
    asked = {
        "runs": {"name": "run", "config": SMALL, "preset": "none", "priority": 1},
        "experiments": spec(),
        "evaluations": {
            "name": "e",
            "config": {"model": "tiny", "dataset": "shapes", "splits": ["test"]},
        },
        "datasets": {"folder": "none", "manifest": None},
        "models": {"folder": "none", "slug": "none", "title": "None"},
    }
    for path, body in asked.items():
        for changed in strange_bodies(body):
            answered = api.post(path, changed)
            assert answered.status_code < 500, (path, changed, answered.text)
    run = api.create_run()
    for changed in strange_bodies({"name": "x", "priority": 1}):
        patched = api.client.patch(f"/api/v1/runs/{run['id']}", json=changed, headers=api.person)
        assert patched.status_code < 500, (changed, patched.text)


@pytest.mark.parametrize("kind", ["step", "sample", "answer", "checkpoint", "progress", "log"])
def test_nothing_that_a_trainer_logs_is_an_error_inside(api: Api, kind: str) -> None:
    complete_library(api)
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    sample = {
        "type": "sample",
        "rl_step": 1,
        "index": 0,
        "item_id": "item-1",
        "split": "train",
        "response": "text",
        "num_response_tokens": 5,
        "is_truncated": False,
        "extracted_answer": "1",
        "is_correct": True,
        "outcome_reward": 1.0,
        "reward_parts": {"a": 1.0},
    }
    records = {
        "step": step(1, policy__loss=1.0),
        "sample": sample,
        "answer": {
            **answer(1, "validation", 1, is_correct=True),
            "failure": "none",
            "reflection": {"wait": 1},
        },
        "checkpoint": {
            "type": "checkpoint",
            "rl_step": 5,
            "name": "step-00000005.f1",
            "manifest_sha256": "d" * 64,
            "size_bytes": 123,
        },
        "progress": {"type": "progress", "rl_step": 1, "total_rl_steps": 9, "phase": "x"},
    }
    log = {"fence": 1, "offset": 0, "text": "one\n"}
    body = {"fence": claim["fence"], "records": [], "log": []}
    body |= {"log": [log]} if kind == "log" else {"records": [records[kind]]}
    for changed in strange_bodies(body):
        answered = api.work(f"runs/{claim['run_id']}/ingest", changed)
        assert answered.status_code < 500, (changed, answered.text)
    for path in ("", "/steps", "/samples", "/log", "/metrics", "/checkpoints"):
        assert isinstance(api.get(f"runs/{run['id']}{path}"), dict | list)


def test_nothing_that_a_worker_says_is_an_error_inside(api: Api) -> None:
    for changed in strange_bodies(announcement("host", gpu(0, "GPU-0"))):
        answered = api.work("announce", changed)
        assert answered.status_code < 500, (changed, answered.text)
    api.create_run()
    for changed in strange_bodies({"worker": "host", "slots": 1}):
        assert api.work("claim", changed).status_code < 500, changed
    assert isinstance(api.get("workers"), dict | list)
