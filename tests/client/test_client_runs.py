"""Submitting, waiting, following: against a real server."""

import threading
import time
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import yaml

from backend.database.tables import LogChunk
from maye import AwayError, Client, NotEndedError, ServerError
from maye.client import RefusedTokenError, waiting
from maye.errors import CommandError, NotSignedInError
from tests.api.api_caller import SMALL
from tests.client.served import Served


def test_a_configuration_and_a_file_become_runs(
    served: Served, maye: Client, tmp_path: Path
) -> None:
    run = maye.submit(SMALL, seed=7, changes={"algorithm.clip_low": 0.1})
    assert run["status"] == "queued"
    assert run["name"] == "rl: tiny on shapes, seed 7"
    algorithm = run["config"].get("algorithm")
    assert algorithm is not None
    assert algorithm.get("clip_low") == 0.1
    assert algorithm.get("responses_per_rl_step") == 2
    bare, titled = tmp_path / "bare.yaml", tmp_path / "titled.yaml"
    bare.write_text(yaml.safe_dump(SMALL))
    titled.write_text(yaml.safe_dump({"title": "From a file", "config": SMALL}))
    assert maye.submit(bare)["name"] == "rl: tiny on shapes, seed 0"
    assert maye.submit(titled, name="mine")["name"] == "mine"
    assert maye.submit(titled)["name"] == "From a file, seed 0"
    assert next(maye.runs())["name"] == "From a file, seed 0"
    assert len(list(maye.runs(status="queued"))) == 4
    assert list(maye.runs(status="running")) == []


@pytest.mark.parametrize("text", ["- a list", "a: [", "word"])
def test_a_file_that_holds_no_configuration_is_refused(
    maye: Client, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(CommandError, match=r"bad\.yaml"):
        maye.submit(path)
    with pytest.raises(CommandError, match="cannot be read"):
        maye.submit(tmp_path / "missing.yaml")


def test_refusals_say_which_field(maye: Client) -> None:
    with pytest.raises(ServerError) as refusal:
        maye.submit({**SMALL, "epochs": 0})
    assert refusal.value.status == 422
    assert refusal.value.code == "invalid_input"
    (field,) = refusal.value.fields
    assert field["path"] == ["config", "epochs"]
    assert field["got"] == "0"
    with pytest.raises(CommandError, match="there is no preset 'nowhere'"):
        maye.submit("nowhere")


def test_the_environment_names_the_platform(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in served.environment.items():
        monkeypatch.setenv(name, text)
    with Client() as maye:
        assert maye.address == served.address
        assert list(maye.runs()) == []
    with Client(served.address, "wrong") as maye, pytest.raises(RefusedTokenError) as refusal:
        list(maye.runs())
    assert refusal.value.exit_code == NotSignedInError.exit_code
    monkeypatch.setenv("MAYE_HOME", str(served.home / "nowhere"))
    with pytest.raises(NotSignedInError, match="no token"):
        Client()


def test_waiting_sees_progress_and_survives_a_restart(served: Served, maye: Client) -> None:
    run_id = served.create_run(maye)
    served.change_run(run_id, status="running", rl_step=1, phase="training")

    def live() -> None:
        time.sleep(0.5)
        served.change_run(run_id, rl_step=2)
        time.sleep(0.7)
        served.stop()
        time.sleep(1.0)
        served.start()
        served.change_run(run_id, rl_step=3, status="succeeded", phase="")

    living = threading.Thread(target=live)
    living.start()
    seen: list[tuple[str, int]] = []
    run = maye.wait(
        run_id, timeout_s=30, on_progress=lambda run: seen.append((run["status"], run["rl_step"]))
    )
    living.join()
    assert run["status"] == "succeeded"
    assert seen == [("running", 1), ("running", 2), ("succeeded", 3)]


def test_waiting_ends_when_its_time_is_over_and_the_run_goes_on(
    served: Served, maye: Client
) -> None:
    run_id = served.create_run(maye)
    began = time.monotonic()
    with pytest.raises(NotEndedError, match=r"within 0\.5 s: it is queued"):
        maye.wait(run_id, timeout_s=0.5)
    assert 0.5 <= time.monotonic() - began < 5
    assert maye.run(run_id)["status"] == "queued"


def test_a_server_that_stays_away_is_not_waited_for_for_ever(
    served: Served, maye: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = served.create_run(maye)
    served.stop()
    monkeypatch.setattr(waiting, "MAX_AWAY_S", 0.4)
    with pytest.raises(AwayError, match="no answer from"):
        maye.wait(run_id, timeout_s=30)


def test_a_refusal_ends_the_waiting_at_once(maye: Client) -> None:
    with pytest.raises(ServerError, match="not_found"):
        maye.wait("00000000-0000-0000-0000-000000000000", timeout_s=30)


def test_the_log_is_followed_to_its_end_without_a_gap(served: Served, maye: Client) -> None:
    run_id = served.create_run(maye)
    served.change_run(run_id, status="running")
    served.log_text(run_id, 0, "first é\n")

    def live() -> None:
        time.sleep(0.4)
        served.log_text(run_id, len("first é\n".encode()), "same\nsame\n")
        time.sleep(0.4)
        served.log_text(run_id, 0, "same\n", fence=2)
        served.change_run(run_id, status="failed")

    living = threading.Thread(target=live)
    living.start()
    text = "".join(maye.follow_log(run_id))
    living.join()
    assert text == "first é\nsame\nsame\nsame\n"
    assert maye.log(run_id)["text"] == text


def test_pieces_that_are_cut_anew_are_told_once(served: Served, maye: Client) -> None:
    run_id = served.create_run(maye)
    served.log_text(run_id, 0, "ab")
    first = maye.connection.get(f"runs/{run_id}/log", {"after": "start"})
    with served.open_platform.database.session_scope() as session:
        session.execute(sa.delete(LogChunk))
    served.log_text(run_id, 0, "abcd")
    served.log_text(run_id, 4, "ef")
    second = maye.connection.get(f"runs/{run_id}/log", {"after": first["cursor"]})
    assert (first["text"], second["text"]) == ("ab", "cdef")
    tail = maye.log(run_id)
    assert maye.connection.get(f"runs/{run_id}/log", {"after": tail["cursor"]})["text"] == ""


def test_the_stream_tells_of_a_run(served: Served, maye: Client) -> None:
    events = maye.stream(after=0)
    assert next(events)[0] == "hello"
    run_id = served.create_run(maye)
    name, data = next(event for event in events if event[0] == "run")
    assert (name, data["id"]) == ("run", run_id)
    events.close()  # type: ignore[attr-defined]


def test_steering_and_history(served: Served, maye: Client) -> None:
    run_id = served.create_run(maye)
    assert maye.checkpoints(run_id) == []
    assert maye.cancel(run_id)["status"] == "cancelled"
    assert [event["to_status"] for event in maye.run_events(run_id)] == ["queued", "cancelled"]
    assert maye.resume(run_id)["status"] == "queued"


def test_a_download_that_breaks_leaves_nothing(maye: Client, tmp_path: Path) -> None:
    target = tmp_path / "file"
    with pytest.raises(ServerError, match="not_found"):
        maye.connection.download("nowhere", target)
    path = maye.connection.download("metric-catalogue", target)
    assert (
        path.read_bytes()
        == httpx.get(
            f"{maye.address}/api/v1/metric-catalogue",
            headers=maye.connection.http.headers,
            trust_env=False,
        ).content
    )
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["file"]
