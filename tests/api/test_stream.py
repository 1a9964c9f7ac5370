"""The event stream over a real socket: resumable, each point once, ends when the server stops."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from api_caller import Api, fill_library, step

from backend.api.__main__ import Server, build_server
from backend.contract.settings import Settings


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    id: int | None


@dataclass(frozen=True)
class Live:
    """A served platform: `api` posts through a real socket."""

    server: Server
    api: Api
    http: httpx.Client

    def listen(self, last_event_id: int | None = None, **params: Any) -> Iterator[Event]:
        headers = dict(self.api.person)
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        with self.http.stream("GET", "/api/v1/stream", headers=headers, params=params) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield from parse(answer.iter_lines())


def parse(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            event_id = int(fields["id"]) if "id" in fields else None
            yield Event(fields["event"], json.loads(fields["data"]), event_id)
            fields = {}


@pytest.fixture
def live(settings: Settings) -> Iterator[Live]:
    server = build_server(settings.model_copy(update={"port": 0}))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    platform = server.app.state.platform
    fill_library(platform.database, settings.paths)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        yield Live(server, Api(http, platform), http)  # type: ignore[arg-type]
    platform.changefeed.close()
    server.should_exit = True
    thread.join(timeout=20)
    assert not thread.is_alive()


def points_of(events: list[Event]) -> list[tuple[str, int]]:
    return [
        (point["key"], point["rl_step"])
        for event in events
        if event.name == "metrics"
        for point in event.data["points"]
    ]


def listen_until(live: Live, last_id: int, start: int | None, **params: Any) -> list[Event]:
    events: list[Event] = []
    for event in live.listen(start, **params):
        events.append(event)
        if event.id is not None and event.id >= last_id:
            break
    return events


def test_a_stream_starts_now_and_tells_runs_and_points_as_they_come(live: Live) -> None:
    stream = live.listen()
    hello = next(stream)
    assert hello == Event("hello", {"counter": 0}, 0)
    run = live.api.create_run("name\u2028with a line separator")
    told = next(stream)
    assert (told.name, told.data["id"]) == ("run", run["id"])
    assert told.data["name"] == "name\u2028with a line separator"
    claim = live.api.claim()
    assert claim is not None
    live.api.ingest(claim, [step(1, policy__loss="NaN")], [{"fence": 1, "offset": 0, "text": "hi"}])
    events: list[Event] = []
    while not events or events[-1].name != "metrics":
        events.append(next(stream))
    assert events[-1].data == {
        "run_id": run["id"],
        "points": [
            {"key": "policy/loss", "rl_step": 1, "epoch": 0.1, "seconds": 1.5, "value": "NaN"}
        ],
    }
    assert Event("log", {"run_id": run["id"]}, None) in events
    stream.close()  # type: ignore[attr-defined]


def test_a_stream_resumed_at_any_event_gives_every_point_exactly_once(live: Live) -> None:
    live.api.create_run()
    claim = live.api.claim()
    assert claim is not None
    expected: list[tuple[str, int]] = []
    for i in range(0, 12, 2):
        records = [step(j, training__accuracy=0.5, policy__loss=j) for j in (i, i + 1)]
        for _ in range(2):
            assert live.api.ingest(claim, records).status_code == 200
        expected += [(key, j) for j in (i, i + 1) for key in ("policy/loss", "training/accuracy")]
    last = live.api.platform.changefeed.read()
    whole = listen_until(live, last, 0)
    assert points_of(whole) == expected
    for cut in range(1, len(whole)):
        seen = whole[:cut]
        position = [event.id for event in seen if event.id is not None][-1]
        if position >= last:
            break
        rest = listen_until(live, last, position)
        assert rest[0] == Event("hello", {"counter": position}, position)
        assert points_of(seen) + points_of(rest) == expected


def test_a_stream_can_be_limited_to_runs(live: Live) -> None:
    first, second = live.api.create_run("a"), live.api.create_run("b")
    for _ in range(2):
        claim = live.api.claim(slots=2)
        assert claim is not None
        live.api.ingest(claim, [step(1, policy__loss=1)])
    events = listen_until(
        live, live.api.platform.changefeed.read(), None, after=0, runs=second["id"]
    )
    told = [event.data.get("run_id") or event.data.get("id") for event in events[1:]]
    assert set(told) == {second["id"]}
    assert first["id"] not in told


def test_a_number_from_another_database_starts_now(live: Live) -> None:
    live.api.create_run()
    counter = live.api.platform.changefeed.read()
    stream = live.listen(10**9)
    assert next(stream).id == counter
    stream.close()  # type: ignore[attr-defined]


def test_an_open_stream_does_not_hold_up_a_stop(live: Live) -> None:
    stream = live.listen()
    next(stream)
    began_at = time.monotonic()
    live.server.handle_exit(2, None)
    assert list(stream) == []
    assert time.monotonic() - began_at < 5
