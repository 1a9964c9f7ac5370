"""One history of a platform, and everything that people can then read of it."""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import experiment_makers as experiment
from api_caller import NOW, PNG_SHA256, SMALL, Api, step
from device_makers import announcement, gpu
from fastapi import FastAPI
from fastapi.routing import APIRoute

from backend.api.dependencies import get_now
from backend.api.services.changes import collect_changes

EXTREMES = {
    "policy/loss": ["NaN", "Infinity", "-Infinity", 5e-324, 1.7976931348623157e308, -0.0, 0.1],
    "policy/kl": [1e-300, 1 / 3, 2.0**53, "NaN", 0.0, -1.5, 1e16],
}
LARGEST = 2**53 - 1
READ_AT = datetime(2026, 2, 1, tzinfo=UTC)
STRANGE = "na\u00efve \u4e2d\u6587 \U0001f600 \u2028 \x00 \"quoted\" 'single' \\back\\ %s {} \u00c9"
WORDS = ("b", "B", "a-1", "a1", "\u00e9", "z", "{", "Z")
"""Texts that languages sort differently from bytes."""
UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class History:
    """Names of what was made."""

    run: str
    evaluations: tuple[int, int]
    experiment: str


def set_clock(api: Api) -> None:
    """Let every request come a second after the one before."""
    app = api.client.app
    assert isinstance(app, FastAPI)
    moments = iter(range(10**6))
    app.dependency_overrides[get_now] = lambda: NOW + timedelta(seconds=next(moments))


def play(api: Api) -> History:
    """Data sets, runs with everything that they log, an experiment; what ends in every way."""
    experiment.complete_library(api)
    _import_dataset(api)
    run = _train(api)
    evaluations = _evaluate(api, run)
    _end_in_other_ways(api)
    made = experiment.create(api, name=STRANGE)
    experiment.carry_out_evaluation(api, 0.5)
    experiment.carry_out_training(api, [0.5, 0.25])
    experiment.carry_out_training(api, [0.5, 1.0])
    experiment.carry_out_training(
        api,
        [1 / 3, 0.7],
    )
    experiment.carry_out(api, [], outcome="failed")
    for name in WORDS[:3]:
        waiting = api.post("runs", {"name": name, "config": SMALL, "priority": 3}).json()
    api.client.patch(f"/api/v1/runs/{waiting['id']}", json={"priority": 9}, headers=api.person)
    said = announcement("gpus", gpu(0, "GPU-0"), gpu(1, "GPU-1"))
    assert api.work("announce", said).status_code == 200
    return History(run, evaluations, made["id"])


def _import_dataset(api: Api) -> None:
    folder = api.platform.settings.resolved_import_dir / "words"
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        rows = [
            {"id": f"{split}{word}", "question": f"{split}? {word} {STRANGE}", "image": None}
            | {"answer": word, "category": word, "difficulty": None if row % 2 else row}
            for row, word in enumerate(WORDS)
        ]
        text = "".join(json.dumps(row).replace("\\u0000", "") + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text)
    splits = "{train: train.jsonl, validation: validation.jsonl}"
    (folder / "dataset.yaml").write_text(
        f"slug: words\ntitle: Words\nkind: text-dominant\nlicence: CC0\nsplits: {splits}\n"
    )
    imported = api.post("datasets", {"folder": "words"})
    assert imported.status_code == 201, imported.text


def _train(api: Api) -> str:
    """A run whose first attempt is lost, and whose second logs the strangest numbers and texts."""
    run = api.create_run(STRANGE, dataset="words", seed=LARGEST // 2**22)
    lost = api.claim()
    assert lost is not None
    api.ingest(lost, [step(i, policy__loss=i, training__accuracy="NaN") for i in (1, 2, 3)])
    api.end(lost, "lost", reason=STRANGE)
    claim = api.claim()
    assert claim is not None
    api.beat(claim)
    records = [
        {**step(i + 2), "metrics": {key: numbers[i] for key, numbers in EXTREMES.items()}}
        for i in range(7)
    ]
    records[-1] |= {"rl_step": LARGEST, "tokens": LARGEST, "samples": LARGEST, "epoch": 1e300}
    samples = [
        {
            "type": "sample",
            "rl_step": 2,
            "index": index,
            "item_id": f"train{word}",
            "split": "train",
            "response": f"{word}: {STRANGE}",
            "num_response_tokens": LARGEST,
            "is_truncated": index % 2 == 0,
            "extracted_answer": None if index % 2 else word,
            "is_correct": index % 3 == 0,
            "outcome_reward": ["NaN", "-Infinity", -0.1][index % 3],
            "reward_parts": {word: 0.5, "accuracy": "Infinity"},
        }
        for index, word in enumerate(WORDS)
    ]
    checkpoint = {
        "type": "checkpoint",
        "rl_step": 2,
        "name": f"step-00000002.f{claim['fence']}",
        "manifest_sha256": "d" * 64,
        "size_bytes": 2**62,
    }
    notice = {"type": "notice", "rl_step": 2, "text": STRANGE}
    log = [{"fence": claim["fence"], "offset": 0, "text": f"{STRANGE}\nsecond line\n"}]
    more = [*samples, checkpoint, notice, *_answers(2, dict.fromkeys(WORDS[:3], True))]
    for batch in (records, more, records[:2], more):
        answered = api.ingest(claim, batch, log)
        assert answered.status_code == 200, answered.text
    folder = api.platform.settings.paths.run(run["id"]).checkpoints / checkpoint["name"]
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    assert api.end(claim, "succeeded").status_code == 200
    return run["id"]


def _answers(rl_step: int, is_correct: Mapping[str, bool]) -> list[dict[str, Any]]:
    return [
        {
            **experiment.answer(rl_step, "validation", 1, is_correct=is_correct.get(word, False)),
            "item_id": f"validation{word}",
            "response": f"{word} {STRANGE}",
            "reflection": {"wait": 2, STRANGE: 1} if word < "a" else {},
            "reward_parts": {"accuracy": "NaN", word: 1.0},
            "failure": None if word < "c" else STRANGE,
        }
        for word in WORDS
    ]


def _evaluate(api: Api, run: str) -> tuple[int, int]:
    """The model, and the run's checkpoint: two evaluations of the same problems."""
    ids: list[int] = []
    for number, checkpoint in enumerate((None, {"run": run, "rl_step": 2})):
        config = {"model": "tiny", "dataset": "words", "splits": ["validation"]}
        asked = api.post("evaluations", {"config": {**config, "checkpoint": checkpoint}})
        assert asked.status_code == 201, asked.text
        solved = {word: position % 2 == number for position, word in enumerate(WORDS)}
        found = experiment.carry_out(api, _answers(0, solved))
        ids.append(api.get("evaluations", run=found)[0]["id"])
    return ids[0], ids[1]


def _end_in_other_ways(api: Api) -> None:
    """Cancelled and resumed, failed, deleted, and asked for twice."""
    run = api.create_run("cancelled")
    assert api.post(f"runs/{run['id']}/cancel").status_code == 202
    assert api.post(f"runs/{run['id']}/resume", {"force": True}).status_code == 202
    claim = api.claim()
    assert claim is not None
    api.beat(claim)
    assert api.post(f"runs/{run['id']}/cancel").json()["status"] == "cancelling"
    api.end(claim, "cancelled")
    key = {"Idempotency-Key": "once"}
    for _ in range(2):
        api.post("runs", {"name": "once", "config": SMALL}, key)
    experiment.carry_out(api, [step(1, training__accuracy=0.25)], outcome="failed")
    gone = api.create_run("gone")
    experiment.carry_out(api, [step(1, training__accuracy=1.0)])
    path = f"/api/v1/runs/{gone['id']}"
    assert api.client.delete(path, headers=api.person).status_code == 204


def cases(history: History) -> dict[str, list[str]]:
    """Every GET route of people to the addresses that are read; a new route needs a line here."""
    run, (first, second), made = history.run, history.evaluations, history.experiment
    of_run, of_experiment = f"runs/{run}", f"experiments/{made}"
    keys = "&".join(f"keys={key}" for key in EXTREMES)
    search = "search=na%C3%AFve", "search=NA%C3%AFVE", "search=%C3%A9", "search=%25s"
    filters = (
        *("correct=true", "correct=false", "reflective=true", "reflective=false", "limit=3"),
        *("category=B", "category=b", "difficulty=2", "item=validationB", *search),
    )
    return {
        "/runs": ["runs", "runs?limit=2", "runs?status=succeeded", "runs?status=queued"],
        "/runs/{run_id}": [of_run],
        "/runs/{run_id}/events": [f"{of_run}/events"],
        "/runs/{run_id}/checkpoints": [f"{of_run}/checkpoints"],
        "/runs/{run_id}/metrics": [f"{of_run}/metrics"],
        "/runs/{run_id}/series": [
            f"{of_run}/series?{keys}",
            f"{of_run}/series?{keys}&max_points=3",
        ],
        "/runs/{run_id}/steps": [f"{of_run}/steps", f"{of_run}/steps?{keys}&limit=2&after=2"],
        "/runs/{run_id}/samples": [
            f"{of_run}/samples",
            f"{of_run}/samples?step=2&limit=3&offset=2",
        ],
        "/runs/{run_id}/log": [f"{of_run}/log", f"{of_run}/log?max_bytes=20"],
        "/runs/{run_id}/archive": [f"{of_run}/archive"],
        "/runs/{run_id}/trajectories": [f"{of_run}/trajectories"],
        "/runs/{run_id}/trajectories/{rl_step}/{index}": [f"{of_run}/trajectories/2/0"],
        "/evaluations": [f"evaluations?run={run}"],
        "/evaluations/compare": [f"evaluations/compare?a={first}&b={second}"],
        "/evaluations/{evaluation_id}/answers": [
            f"evaluations/{evaluation}/answers?{query}"
            for evaluation in (first, second)
            for query in ("", *filters)
        ],
        "/datasets": ["datasets"],
        "/datasets/{slug}": ["datasets/words", "datasets/WORDS", "datasets/shapes"],
        "/datasets/{slug}/items": [
            f"datasets/{query}"
            for query in ("words/items", "words/items?limit=3", "shapes/items?split=validation")
        ],
        "/datasets/{slug}/images/{sha256}": [f"datasets/shapes/images/{PNG_SHA256}"],
        "/models": ["models"],
        "/models/{slug}": ["models/tiny", "models/TINY"],
        "/presets": ["presets"],
        "/presets/experiments": ["presets/experiments"],
        "/metric-catalogue": ["metric-catalogue"],
        "/schemas/run-config": ["schemas/run-config?kind=rl"],
        "/openapi.json": ["openapi.json"],
        "/experiments": ["experiments", "experiments?limit=1"],
        "/experiments/{experiment_id}": [of_experiment],
        "/experiments/{experiment_id}/report": [
            f"{of_experiment}/report",
            f"{of_experiment}/report?spread=sample",
        ],
        "/experiments/{experiment_id}/report.csv": [f"{of_experiment}/report.csv"],
        "/experiments/{experiment_id}/report-curves.csv": [f"{of_experiment}/report-curves.csv"],
        "/experiments/{experiment_id}/report.tex": [f"{of_experiment}/report.tex"],
        "/experiments/{experiment_id}/report.json": [f"{of_experiment}/report.json"],
        "/experiments/{experiment_id}/figures/{name}.{extension}": [
            f"{of_experiment}/figures/figure-5.svg"
        ],
        "/workers": ["workers"],
        # Endless: what it would tell from the beginning is read below.
        "/stream": [],
        # Tells how full the disk is, which changes by itself.
        "/storage": [],
    }


def readable_paths(api: Api) -> set[str]:
    """GET routes that people may call."""
    app = api.client.app
    assert isinstance(app, FastAPI)
    paths = {r.path for r in app.routes if isinstance(r, APIRoute) and "GET" in r.methods}
    open_ones = {"/api/v1/session"}
    return {
        path.removeprefix("/api/v1") for path in paths - open_ones if path.startswith("/api/v1")
    }


def read_everything(api: Api, history: History) -> dict[str, Any]:
    """Address to what it answers, with ids numbered in the order in which they are met."""
    app = api.client.app
    assert isinstance(app, FastAPI)
    app.dependency_overrides[get_now] = lambda: READ_AT
    read: dict[str, Any] = {}
    for addresses in cases(history).values():
        for address in addresses:
            answered = api.client.get(f"/api/v1/{address}", headers=api.person)
            assert answered.status_code in (200, 404), (address, answered.text)
            read[address] = [answered.status_code, _content_of(answered)]
    with api.platform.database.read_scope() as session:
        told = collect_changes(session, 0, frozenset(), now=READ_AT)
    read["stream"] = [
        [change.event, json.loads(change.data), change.seq] for change in told.changes
    ]
    return json.loads(_number_ids(json.dumps(read)))


def _content_of(answered: Any) -> Any:
    kind = answered.headers["content-type"]
    if "json" in kind:
        # A problem names its request, and no two are the same.
        body = answered.json()
        return {k: v for k, v in body.items() if k != "request_id"} if "problem" in kind else body
    if answered.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answered.content)) as archive:
            members = sorted(archive.namelist())
            return {
                name: archive.read(name).decode("utf-8", "backslashreplace") for name in members
            }
    return answered.content.decode("utf-8", "backslashreplace")


def _number_ids(text: str) -> str:
    known: dict[str, str] = {}
    return UUIDS.sub(lambda match: known.setdefault(match[0], f"id {len(known)}"), text)
