"""A worker announces itself: waits for its API, hears what is wanted, goes when it is not."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.contract.errors import ConflictError
from backend.contract.messages import Announcement
from backend.contract.settings import Settings
from tests.worker.jobs.fake_api import FakeApi, serve
from worker.announcing import Announcer
from worker.api_client import WrongTokenError
from worker.tasks import Doorbell

TOKEN = "worker-token-of-the-test"


@pytest.fixture
def api() -> Iterator[FakeApi]:
    api = FakeApi(token=TOKEN)
    server = serve(api)
    api.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield api
    server.shutdown()
    server.server_close()


@pytest.fixture
def announcer(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Announcer:
    monkeypatch.setattr("worker.announcing.RETRY_S", 0.05)
    (tmp_path / "worker-token").write_text(TOKEN)
    settings = Settings(
        home=tmp_path, api_url=api.address, worker_name="the-worker", announce_s=0.05
    )
    said = Announcement(
        worker="the-worker",
        host="machine",
        started_at=datetime.now(UTC),
        slots=1,
        devices=[],
        versions={},
    )
    return Announcer(settings, said, Doorbell(settings))


def wait_for(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_worker_waits_for_an_api_that_is_away_and_says_so_once(
    api: FakeApi, announcer: Announcer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    api.is_away = True
    threading.Timer(0.5, lambda: setattr(api, "is_away", False)).start()
    reply = announcer.announce_first()
    assert reply is not None
    assert [said["worker"] for said in api.announcements] == ["the-worker"]
    messages = [record.message for record in caplog.records if record.name == "maye.worker"]
    assert len(messages) == 2
    assert "does not answer" in messages[0]
    assert api.address in messages[0]
    assert messages[1] == "the API answers again"


def test_a_worker_that_waits_can_be_stopped(api: FakeApi, announcer: Announcer) -> None:
    api.is_away = True
    threading.Timer(0.2, announcer.should_stop.set).start()
    assert announcer.announce_first() is None


def test_a_wrong_token_is_not_tried_again(
    api: FakeApi, announcer: Announcer, tmp_path: Path
) -> None:
    (tmp_path / "worker-token").write_text("another")
    with pytest.raises(WrongTokenError, match="401"):
        announcer.announce_first()


def test_a_refused_name_is_not_tried_again(api: FakeApi, announcer: Announcer) -> None:
    api.announce_refusal = (409, "conflict")
    with pytest.raises(ConflictError, match="refused by the test"):
        announcer.announce_first()


def test_announcements_go_on_and_call_to_work(
    api: FakeApi, announcer: Announcer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    thread = threading.Thread(target=announcer.keep_on)
    thread.start()
    wait_for(lambda: len(api.announcements) >= 3)
    assert api.num_claims == 0
    api.has_work = True
    wait_for(lambda: api.num_claims >= 2)
    api.is_draining = True
    wait_for(lambda: "draining: runs that were started go on" in caplog.text)
    api.is_draining = False
    wait_for(lambda: "no longer draining" in caplog.text)
    announcer.should_stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_a_worker_that_has_lost_its_name_ends_itself(
    api: FakeApi, announcer: Announcer, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, number: signals.append(number))
    monkeypatch.setattr("threading.excepthook", lambda args: None)
    api.announce_refusal = (409, "conflict")
    thread = threading.Thread(target=announcer.keep_on)
    thread.start()
    thread.join(timeout=10)
    assert signals == [signal.SIGTERM]
