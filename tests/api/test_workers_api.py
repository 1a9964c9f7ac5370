"""Workers as people see them: announced, listed, drained, forgotten; what queued runs wait for."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from api_caller import NOW, Api
from device_makers import CPU, announcement, gpu
from fastapi.testclient import TestClient

from backend.api.dependencies import get_now
from backend.api.services.changes import collect_changes
from backend.api.services.workers import tell_absent

Clock = Callable[[float], None]
TWO = (gpu(0, "GPU-aa", 24.0), gpu(1, "GPU-bb", 80.0))


@pytest.fixture
def clock(api: Api) -> Clock:
    """Sets the time to so many seconds after NOW."""
    app = api.client.app
    state = {"now": NOW}

    def read() -> datetime:
        return state["now"]

    app.dependency_overrides[get_now] = read  # pyright: ignore[reportAttributeAccessIssue]

    def set_to(seconds: float) -> None:
        state["now"] = NOW + timedelta(seconds=seconds)

    return set_to


def arrive(api: Api, worker: str = "host", *gpus: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = api.work("announce", announcement(worker, *gpus, **more))
    assert response.status_code == 200, response.text
    return response.json()


def list_names(api: Api) -> dict[str, str]:
    return {worker["name"]: worker["state"] for worker in api.get("workers")}


def cause_of(api: Api, run: dict[str, Any]) -> str:
    return api.get(f"runs/{run['id']}")["queue"]["waits_for"]


def create(api: Api, name: str, *, devices: int = 1, **config: Any) -> dict[str, Any]:
    batch = {"responses_per_rl_step": 16, "responses_per_update": 16, "responses_per_prompt": 8}
    min_gib = config.pop("min_gib", None)
    parallel = {"devices": devices, "min_device_memory_gib": min_gib}
    return api.create_run(name, algorithm=batch, parallel=parallel, **config)


def test_an_announced_worker_is_listed_with_what_holds_it(api: Api, clock: Clock) -> None:
    assert api.get("workers") == []
    reply = arrive(api, "big", *TWO, slots=2, versions={"torch": "2.13.0", "driver": "570.1"})
    assert reply == {"is_draining": False, "has_work": False}
    run = create(api, "on the second", device="cuda", min_gib=40.0)
    assert arrive(api, "big", *TWO, slots=2)["has_work"] is True
    claim = api.claim("big", slots=2)
    assert claim is not None
    assert claim["gpus"] == ["GPU-bb"]
    assert arrive(api, "big", *TWO, slots=2, versions={"torch": "2.13.0"})["has_work"] is False
    (worker,) = api.get("workers")
    held = {"id": run["id"], "name": "on the second"}
    assert worker == {
        "name": "big",
        "host": "machine",
        "state": "busy",
        "devices": [
            {**CPU, "index": 0, "uuid": "", "held_by": None},
            {**TWO[0], "num_cores": None, "held_by": None},
            {**TWO[1], "num_cores": None, "held_by": held},
        ],
        "kinds": ["cpu", "cuda"],
        "slots": 2,
        "slots_used": 0,
        "runs": [held],
        "is_draining": False,
        "last_seen_at": NOW.isoformat().replace("+00:00", "Z"),
        "started_at": NOW.isoformat().replace("+00:00", "Z"),
        "versions": {"torch": "2.13.0"},
    }
    assert api.get(f"runs/{run['id']}")["worker"] == "big"
    api.beat(claim)
    api.end(claim, "succeeded")
    assert api.get("workers")[0]["devices"][2]["held_by"] is None
    assert api.get(f"runs/{run['id']}")["worker"] is None


def test_a_worker_that_is_silent_is_absent_and_can_be_forgotten(api: Api, clock: Clock) -> None:
    arrive(api, "host")
    forgotten = api.client.delete("/api/v1/workers/host", headers=api.person)
    assert forgotten.status_code == 409
    assert "stop it first" in forgotten.json()["detail"]
    clock(61)
    assert list_names(api) == {"host": "absent"}
    assert api.client.delete("/api/v1/workers/host", headers=api.person).status_code == 204
    assert api.get("workers") == []
    assert api.client.delete("/api/v1/workers/host", headers=api.person).status_code == 404
    arrive(api, "host")
    assert list_names(api) == {"host": "ready"}


def test_an_absent_worker_whose_runs_go_on_is_not_forgotten(api: Api, clock: Clock) -> None:
    arrive(api, "host")
    api.create_run("long")
    claim = api.claim("host")
    assert claim is not None
    clock(25)
    api.beat(claim)
    clock(50)
    api.beat(claim)
    clock(75)
    assert list_names(api) == {"host": "absent"}
    refused = api.client.delete("/api/v1/workers/host", headers=api.person)
    assert refused.status_code == 409
    assert "['long']" in refused.json()["detail"]


def test_a_draining_worker_finishes_what_it_has_and_takes_nothing_new(
    api: Api, clock: Clock
) -> None:
    arrive(api, "host", slots=2)
    first, second = api.create_run("first"), api.create_run("second")
    claim = api.claim("host", slots=2)
    assert claim is not None
    assert api.post("workers/host/drain").json()["state"] == "draining"
    assert arrive(api, "host", slots=2) == {"is_draining": True, "has_work": False}
    assert api.claim("host", slots=2) is None
    assert cause_of(api, second) == "worker 'host' is draining"
    assert api.beat(claim).status_code == 200
    api.end(claim, "succeeded")
    assert api.get(f"runs/{first['id']}")["status"] == "succeeded"
    assert list_names(api) == {"host": "drained"}
    # A restart does not end it.
    arrive(api, "host", slots=2, started_at=(NOW + timedelta(seconds=5)).isoformat())
    assert list_names(api) == {"host": "drained"}
    assert api.post("workers/host/undrain").json()["state"] == "ready"
    assert api.claim("host", slots=2) is not None
    assert api.post("workers/nobody/drain").status_code == 404


def test_a_name_belongs_to_one_process(api: Api, clock: Clock) -> None:
    arrive(api, "host")
    elsewhere = api.work("announce", announcement("host", host="another machine"))
    assert elsewhere.status_code == 409
    assert "a worker on host 'machine' has the name 'host'" in elsewhere.json()["detail"]
    restarted = (NOW + timedelta(seconds=3)).isoformat()
    arrive(api, "host", started_at=restarted)
    old = api.work("announce", announcement("host"))
    assert old.status_code == 409
    assert "another process on this host has taken the name" in old.json()["detail"]
    arrive(api, "host", started_at=restarted)
    clock(61)
    arrive(api, "host", host="another machine")


def test_what_a_run_waits_for_is_said_in_words(api: Api, clock: Clock) -> None:
    four = create(api, "four", device="cuda", devices=4)
    assert cause_of(api, four) == "no worker has asked for work yet"
    arrive(api, "cpu-only")
    assert cause_of(api, four) == "no worker with a GPU is there"
    arrive(api, "gpus", *TWO)
    assert cause_of(api, four) == "needs 4 GPUs at once; the largest worker has 2"
    roomy = create(api, "roomy", min_gib=90.0)
    assert cause_of(api, roomy) == "needs a GPU of 90 GiB; the largest there is has 80.0 GiB"
    pair = create(api, "pair", device="cuda", devices=2)
    assert cause_of(api, pair) == "worker 'gpus' has been called"
    single = create(api, "single", device="cuda", min_gib=40.0)
    api.post("workers/gpus/drain")
    assert cause_of(api, pair) == "worker 'gpus' is draining"
    api.post("workers/gpus/undrain")
    api.client.patch(f"/api/v1/runs/{single['id']}", headers=api.person, json={"priority": 1})
    claim = api.claim("gpus")
    assert claim is not None
    assert claim["run_id"] == single["id"]
    assert cause_of(api, pair) == (
        "needs 2 GPUs at once: run 'single' holds 1 of 2 GPUs of worker 'gpus'"
    )
    clock(50)
    for worker, gpus in (("cpu-only", ()), ("other", TWO[:1])):
        arrive(api, worker, *gpus)
    clock(100)
    assert cause_of(api, pair) == (
        "needs 2 GPUs at once; the largest worker has 1 ('gpus' was last heard of 1 min ago and "
        "would do)"
    )


def test_a_worker_that_is_kept_free_is_said_to_be(api: Api, clock: Clock) -> None:
    arrive(api, "gpus", *TWO)
    create(api, "holder", device="cuda")
    claim = api.claim("gpus")
    assert claim is not None
    pair = create(api, "pair", device="cuda", devices=2)
    clock(301)
    arrive(api, "gpus", *TWO)
    api.beat(claim)
    single = create(api, "single", device="cuda")
    assert api.claim("gpus") is None
    assert cause_of(api, single) == (
        "worker 'gpus' is kept free for run 'pair', which needs 2 GPUs at once and has waited for "
        "long"
    )
    assert "holds 1 of 2 GPUs" in cause_of(api, pair)


def test_the_position_counts_rivals_for_the_same_devices(api: Api, clock: Clock) -> None:
    arrive(api, "gpus", *TWO)
    on_cpu = [create(api, f"cpu {i}", device="cpu") for i in range(3)]
    on_gpu = [create(api, f"gpu {i}", device="cuda") for i in range(2)]
    queues = [api.get(f"runs/{run['id']}")["queue"] for run in (*on_cpu, *on_gpu)]
    places = [(queue["position"], queue["num_queued"]) for queue in queues]
    assert places == [(1, 3), (2, 3), (3, 3), (1, 2), (2, 2)]
    listed = {run["name"]: run["waits_for"] for run in api.get("runs")["runs"]}
    assert listed["gpu 1"] == "position 2 in the queue: worker 'gpus' has been called"


def test_priority_decides_and_can_be_changed_while_a_run_is_queued(api: Api, clock: Clock) -> None:
    def patch(run: dict[str, Any], **change: Any) -> Any:
        path = f"/api/v1/runs/{run['id']}"
        return api.client.patch(path, headers=api.person, json=change)

    first, second = api.create_run("first"), api.create_run("second")
    body = {"name": "urgent", "config": {**first["config"]}, "priority": 7}
    urgent = api.post("runs", body).json()
    assert (first["priority"], urgent["priority"]) == (0, 7)
    assert urgent["queue"]["position"] == 1
    changed = patch(second, priority=9, name="sooner")
    assert changed.status_code == 200
    assert (changed.json()["priority"], changed.json()["queue"]["position"]) == (9, 1)
    event = api.get(f"runs/{second['id']}/events")[-1]
    assert (event["actor"], event["from_status"], event["to_status"]) == (
        *("user", "queued", "queued"),
    )
    assert event["reason"] == "priority changed from 0 to 9; renamed from 'second'"
    order = [api.claim("host", slots=9) for _ in range(3)]
    expected = [second["id"], urgent["id"], first["id"]]
    assert [claim and claim["run_id"] for claim in order] == expected
    refused = patch(first, priority=1)
    assert refused.status_code == 409
    assert "starting decides nothing (allowed: queued)" in refused.json()["detail"]
    assert patch(first, name="renamed").json()["name"] == "renamed"
    assert patch(first, priority=0, name="renamed").status_code == 200
    assert patch(first, priority=101).status_code == 422
    assert len(api.get(f"runs/{first['id']}/events")) == 3


def test_a_worker_needs_its_own_token_and_a_person_theirs(api: Api) -> None:
    client: TestClient = api.client
    said = announcement("host")
    assert client.post("/api/v1/worker/announce", json=said).status_code == 401
    as_person = client.post("/api/v1/worker/announce", json=said, headers=api.person)
    assert as_person.status_code == 401
    assert client.get("/api/v1/workers", headers=api.worker).status_code == 401
    assert client.post("/api/v1/workers/host/drain", headers=api.worker).status_code == 401
    for name in ("../x", "a b", "", "x" * 101):
        assert api.work("announce", announcement(name)).status_code == 422


def test_a_batch_of_devices_must_be_what_it_says(api: Api) -> None:
    bad = {**gpu(0, "GPU;x"), "kind": "tpu"}
    response = api.work("announce", announcement("host", bad))
    assert response.status_code == 422
    named = {".".join(map(str, field["path"])) for field in response.json()["fields"]}
    assert named == {"devices.1.kind", "devices.1.uuid"}


def test_the_stream_tells_of_workers_that_come_change_and_fall_silent(
    api: Api, clock: Clock
) -> None:
    database = api.platform.database

    def news_since(position: int) -> tuple[int, list[str]]:
        with database.read_scope() as session:
            changes = collect_changes(session, position, frozenset(), now=NOW)
        return changes.last, [c.event for c in changes.changes if c.event == "worker"]

    position, news = news_since(0)
    assert news == []
    arrive(api, "host")
    position, news = news_since(position)
    assert news == ["worker"]
    arrive(api, "host")
    assert news_since(position) == (position, [])
    api.post("workers/host/drain")
    position, news = news_since(position)
    assert news == ["worker"]
    later = NOW + timedelta(seconds=61)
    with database.session_scope() as session:
        assert tell_absent(session, now=later) == 1
        assert tell_absent(session, now=later) == 0
    position, news = news_since(position)
    assert news == ["worker"]
    arrive(api, "host")
    assert news_since(position)[1] == ["worker"]
