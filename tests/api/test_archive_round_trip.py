"""A run as a file: opened elsewhere, on the other kind of database, it answers as it did here."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from api_caller import PNG_SHA256, SMALL, Api
from archive_makers import (
    download,
    finish_run,
    picture,
    put_real_picture,
    read_entries,
    upload,
)
from fastapi.testclient import TestClient

from backend.api.app import create_app
from backend.api.services.archive_import import forget_dataset
from backend.contract.settings import Settings
from backend.database.tables import Dataset, DatasetItem, Run
from tests.postgres import PostgresServer

OWN = ("id", "run_id", "dataset", "origin")
"""What an opened run has of its own."""


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path, postgres: PostgresServer) -> Iterator[Api]:
    """An empty platform on the kind of database that the first one is not on."""
    is_here = settings.resolved_database_url.startswith("sqlite")
    folder = tmp_path / "elsewhere"
    url = postgres.create_migrated() if is_here else ""
    other = Settings(home=folder, database_url=url, relay_s=3600, static_dir=folder / "dist")
    app = create_app(other)
    with TestClient(app) as client:
        yield Api(client, app.state.platform)
    if url:
        postgres.drop(url)


def without_own(content: Any) -> Any:
    if isinstance(content, list):
        return [without_own(part) for part in content]
    if isinstance(content, dict):
        return {key: without_own(part) for key, part in content.items() if key not in OWN}
    return content


def run_routes(api: Api) -> list[str]:
    """Every GET route of a run that answers JSON, as the API describes itself."""
    described = api.get("openapi.json")["paths"]
    return [
        path.removeprefix("/api/v1/")
        for path, methods in described.items()
        if "/runs/{run_id}" in path and "get" in methods and not path.endswith("/archive")
    ]


def answers_of(api: Api, run_id: str) -> dict[str, Any]:
    """What the routes of a run answer, and what their answers point to."""
    found: dict[str, Any] = {}
    for route in run_routes(api):
        for rl_step, index in ((3, 0), (3, 2)):
            path = route.format(run_id=run_id, rl_step=rl_step, index=index)
            keys = {"keys": ["training/accuracy"]} if route.endswith("series") else {}
            steps = ({"step": 1}, {"step": 2}, {}) if route.endswith("samples") else ({},)
            for more in steps:
                found[f"{route} {rl_step} {index} {more}"] = api.get(path, **keys, **more)
    found["evaluations"] = evaluations = api.get("evaluations", run=run_id)
    for number, evaluation in enumerate(evaluations):
        found[f"answers {number}"] = api.get(f"evaluations/{evaluation['id']}/answers")
    return without_own(found)


def open_elsewhere(elsewhere: Api, archive: bytes) -> dict[str, Any]:
    response = upload(elsewhere, archive)
    assert response.status_code == 201, response.text
    return response.json()


def test_every_route_of_an_opened_run_answers_as_before(api: Api, elsewhere: Api) -> None:
    sha256 = put_real_picture(api)
    run_id = finish_run(api)
    before = answers_of(api, run_id)
    opened = open_elsewhere(elsewhere, download(api, run_id))
    assert opened["id"] != run_id
    after = answers_of(elsewhere, opened["id"])
    assert after == before
    # The comparison is not between nothings.
    assert len(before["evaluations"]) == 2
    assert [e["pictures"] for e in before["evaluations"]] == ["permuted", "own"]
    (series,) = next(v for k, v in before.items() if "series" in k)
    assert [p["value"] for p in series["points"]][4:] == ["NaN", "Infinity", "-Infinity"]
    assert next(v for k, v in before.items() if "log" in k)["text"].startswith("first\nline0")
    samples = elsewhere.get(f"runs/{opened['id']}/samples", step=1)["samples"]
    assert [s["image_sha256"] for s in samples] == [sha256, sha256]
    shown = elsewhere.client.get(
        f"/api/v1/datasets/{opened['dataset']}/images/{sha256}", headers=elsewhere.person
    )
    assert (shown.status_code, shown.content) == (200, picture())


def test_the_opened_run_says_where_it_comes_from(api: Api, elsewhere: Api) -> None:
    put_real_picture(api)
    run_id = finish_run(api)
    opened = open_elsewhere(elsewhere, download(api, run_id))
    (listed,) = elsewhere.get("runs")["runs"]
    origin = listed["origin"]
    assert origin == opened["origin"]
    assert (origin["run_id"], origin["dataset"], origin["notes"]) == (run_id, "shapes", [])
    newest = api.get(f"runs/{run_id}/events")[-1]["at"]
    assert origin["saved_at"] == newest
    assert api.get(f"runs/{run_id}")["origin"] is None


def test_the_same_run_gives_the_same_bytes(api: Api) -> None:
    put_real_picture(api)
    run_id = finish_run(api)
    first = download(api, run_id)
    assert download(api, run_id) == first
    names = list(read_entries(first))
    assert names[0] == "run.json"
    assert names[-1] == "manifest.json"
    name = api.client.get(f"/api/v1/runs/{run_id}/archive", headers=api.person).headers[
        "content-disposition"
    ]
    assert re.fullmatch(r'attachment; filename="counting-seed-1-[0-9a-f]{8}\.zip"', name)


def test_an_archive_is_opened_once(api: Api, elsewhere: Api) -> None:
    put_real_picture(api)
    archive = download(api, finish_run(api))
    first = open_elsewhere(elsewhere, archive)
    again = upload(elsewhere, archive)
    assert (again.status_code, again.json()) == (200, first)
    assert len(elsewhere.get("runs")["runs"]) == 1
    # Beside the run that it was made of, too.
    assert open_elsewhere(api, archive)["origin"]["run_id"] == first["origin"]["run_id"]


def test_an_opened_run_can_be_passed_on(api: Api, elsewhere: Api) -> None:
    put_real_picture(api)
    run_id = finish_run(api)
    opened = open_elsewhere(elsewhere, download(api, run_id))
    back = open_elsewhere(api, download(elsewhere, opened["id"]))
    assert answers_of(api, back["id"]) == answers_of(api, run_id)
    assert back["origin"]["dataset"] == "shapes"


def test_an_opened_run_is_only_read(api: Api, elsewhere: Api) -> None:
    put_real_picture(api)
    opened = open_elsewhere(elsewhere, download(api, finish_run(api)))
    run_id = opened["id"]
    fence = {"fence": 2}
    refused = [
        elsewhere.post(f"runs/{run_id}/cancel"),
        elsewhere.post(f"runs/{run_id}/resume", {"force": True}),
        elsewhere.work(f"runs/{run_id}/heartbeat", {**fence, "is_training": True}),
        elsewhere.work(f"runs/{run_id}/ingest", {**fence, "records": []}),
        elsewhere.work(f"runs/{run_id}/end", {**fence, "outcome": "succeeded"}),
    ]
    assert {(r.status_code, r.json()["code"]) for r in refused} == {(409, "run_imported")}
    assert all("opened from an archive" in r.json()["detail"] for r in refused)
    assert elsewhere.claim() is None
    # At home the model is there, so that the refusal is about the run.
    mine = open_elsewhere(api, download(elsewhere, run_id))
    config = {"model": "tiny", "dataset": "shapes", "splits": ["validation"]}
    wish = {**config, "checkpoint": {"run": mine["id"], "rl_step": "last"}}
    response = api.post("evaluations", {"config": wish})
    assert response.status_code == 422
    assert "holds no weights" in response.json()["detail"]


def test_what_an_archive_brings_along_is_no_data_set_to_train_on(api: Api) -> None:
    put_real_picture(api)
    opened = open_elsewhere(api, download(api, finish_run(api)))
    assert [d["slug"] for d in api.get("datasets")] == ["shapes"]
    assert api.get(f"datasets/{opened['dataset']}")["title"] == "Shapes"
    body = {"name": "x", "config": {**SMALL, "dataset": opened["dataset"]}}
    response = api.post("runs", body)
    assert response.status_code == 422
    assert "there is no data set" in response.json()["detail"]


def test_what_a_deleted_run_brought_along_goes_with_it(api: Api) -> None:
    put_real_picture(api)
    opened = open_elsewhere(api, download(api, finish_run(api)))
    with api.platform.database.session_scope() as session:
        run = session.get_one(Run, UUID(opened["id"]))
        assert forget_dataset(session, run) == opened["dataset"]
        own = session.scalars(sa.select(Run).where(Run.is_imported.is_(False))).one()
        assert forget_dataset(session, own) is None
    with api.platform.database.read_scope() as session:
        assert session.scalars(sa.select(Dataset.slug)).all() == ["shapes"]
        assert len(session.scalars(sa.select(DatasetItem.row)).all()) == 5


def test_only_a_run_that_has_ended_can_be_exported(api: Api) -> None:
    run_id = api.create_run()["id"]
    response = api.client.get(f"/api/v1/runs/{run_id}/archive", headers=api.person)
    assert (response.status_code, response.json()["code"]) == (409, "conflict")
    assert "only a run that has ended" in response.json()["detail"]
    response = api.client.get(f"/api/v1/runs/{UUID(int=0)}/archive", headers=api.person)
    assert response.status_code == 404


def test_a_picture_that_is_gone_is_said(api: Api) -> None:
    # The library's own picture is not what its name says.
    archive = download(api, finish_run(api))
    note = json.loads(read_entries(archive)["manifest.json"])["notes"]
    assert note == [f"images/{PNG_SHA256} was damaged"]
    (api.platform.settings.paths.dataset("shapes") / "images" / PNG_SHA256).unlink()
    opened = open_elsewhere(api, download(api, next(iter(api.get("runs")["runs"]))["id"]))
    assert opened["origin"]["notes"] == [f"images/{PNG_SHA256} was missing"]


def test_neither_is_open_to_strangers(api: Api) -> None:
    run_id = finish_run(api)
    for method, path in (("GET", f"runs/{run_id}/archive"), ("POST", "archives")):
        assert api.client.request(method, f"/api/v1/{path}").status_code == 401
        headers = api.worker
        assert api.client.request(method, f"/api/v1/{path}", headers=headers).status_code == 401
