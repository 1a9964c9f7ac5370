"""What a trainer logged arrives once, however often and in whatever pieces it is sent."""

from typing import Any

import pytest
from api_caller import PNG_SHA256, Api, step
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HISTORY: list[dict[str, Any]] = [
    record
    for i in range(1, 6)
    for record in (
        step(i, training__accuracy=i / 10, policy__loss=-i),
        {
            "type": "sample",
            "rl_step": i,
            "index": 0,
            "item_id": "item-1",
            "split": "train",
            "response": f"It is \x00 {i}",
            "num_response_tokens": 5,
            "is_truncated": False,
            "extracted_answer": None,
            "is_correct": True,
            "outcome_reward": "NaN",
            "reward_parts": {"accuracy": 1.0, "language": "Infinity"},
        },
    )
] + [
    {
        "type": "checkpoint",
        "rl_step": 5,
        "name": "step-00000005.f1",
        "manifest_sha256": "d" * 64,
        "size_bytes": 123,
    }
]


def read_all(api: Api, run_id: str) -> dict[str, Any]:
    return {
        "series": api.get(f"runs/{run_id}/series", keys=["training/accuracy", "policy/loss"]),
        "samples": [api.get(f"runs/{run_id}/samples", step=i) for i in range(1, 6)],
        "checkpoints": [c["name"] for c in api.get(f"runs/{run_id}/checkpoints")],
        "log": api.get(f"runs/{run_id}/log"),
    }


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    pieces=st.lists(
        st.tuples(st.integers(0, len(HISTORY)), st.integers(0, len(HISTORY))), max_size=4
    )
)
def test_batches_sent_twice_and_overlapping_change_nothing(
    api: Api, pieces: list[tuple[int, int]]
) -> None:
    run = api.create_run()
    claim = api.claim(slots=1000)
    assert claim is not None
    log = [{"fence": 1, "offset": 0, "text": "one\n"}, {"fence": 1, "offset": 4, "text": "two\n"}]
    assert api.ingest(claim, HISTORY, log).status_code == 200
    before = read_all(api, run["id"])
    assert (before["log"]["text"], before["log"]["is_complete"]) == ("one\ntwo\n", True)
    assert before["series"][0]["num_points"] == 5
    position = api.platform.changefeed.read()
    for start, stop in [*pieces, (0, len(HISTORY))]:
        for _ in range(2):
            assert api.ingest(claim, HISTORY[start:stop], log).status_code == 200
    assert read_all(api, run["id"]) == before
    assert api.platform.changefeed.read() >= position


def test_a_sample_is_shown_with_its_problem_and_its_picture(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    assert api.get(f"runs/{run['id']}/samples") == {"rl_step": None, "rl_steps": [], "samples": []}
    api.ingest(claim, HISTORY)
    page = api.get(f"runs/{run['id']}/samples")
    assert (page["rl_step"], page["rl_steps"]) == (5, [1, 2, 3, 4, 5])
    (sample,) = page["samples"]
    assert sample["question"] == "How many? (1)"
    assert sample["gold_answer"] == "1"
    assert sample["image_sha256"] == PNG_SHA256
    assert sample["response"] == "It is \ufffd 5"
    assert sample["outcome_reward"] == "NaN"
    assert sample["reward_parts"] == {"accuracy": 1.0, "language": "Infinity"}
    assert api.get(f"runs/{run['id']}/samples", step=3, offset=1)["samples"] == []


def test_a_new_attempt_replaces_the_points_of_the_one_before(api: Api) -> None:
    run = api.create_run()
    first = api.claim()
    assert first is not None
    api.ingest(first, [step(i, policy__loss=i) for i in range(6)])
    api.end(first, "lost")
    second = api.claim()
    assert second is not None
    api.ingest(second, [step(i, policy__loss=10 * i) for i in range(3, 6)])
    assert api.ingest(first, [step(9, policy__loss=9)]).status_code == 409
    (series,) = api.get(f"runs/{run['id']}/series", keys="policy/loss")
    assert [point["value"] for point in series["points"]] == [0, 1, 2, 30, 40, 50]


def test_a_point_carries_every_x_axis(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    api.ingest(claim, [step(4, policy__loss=1)])
    (series,) = api.get(f"runs/{run['id']}/series", keys="policy/loss")
    assert series["points"] == [{"rl_step": 4, "epoch": 0.4, "seconds": 6.0, "value": 1.0}]


def test_a_long_series_is_down_sampled_on_the_server(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    for start in (0, 500):
        records = [step(i, policy__loss=i % 7) for i in range(start, start + 500)]
        assert api.ingest(claim, records).status_code == 200
    (series,) = api.get(f"runs/{run['id']}/series", keys="policy/loss", max_points=50)
    assert series["num_points"] == 1000
    assert series["is_downsampled"] is True
    assert len(series["points"]) <= 50
    assert series["points"][0]["rl_step"] == 0
    assert series["points"][-1]["rl_step"] == 999


@pytest.mark.parametrize("query", ["", "keys=a/b", "keys=policy/loss&max_points=1"])
def test_series_refuse_what_they_cannot_show(api: Api, query: str) -> None:
    run = api.create_run()
    answer = api.client.get(f"/api/v1/runs/{run['id']}/series?{query}", headers=api.person)
    assert answer.status_code == 422


def test_a_log_shipped_again_in_other_pieces_stays_whole(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    for offset, text in ((0, "ab\n"), (3, "cd\n"), (0, "ab\ncd\ne"), (7, "f\n"), (7, "f\n")):
        api.ingest(claim, [], [{"fence": 1, "offset": offset, "text": text}])
    assert api.get(f"runs/{run['id']}/log")["text"] == "ab\ncd\nef\n"


def test_the_end_of_a_log_begins_at_a_line(api: Api) -> None:
    run = api.create_run()
    claim = api.claim()
    assert claim is not None
    lines = "".join(f"line {i}\n" for i in range(100))
    api.ingest(claim, [], [{"fence": 1, "offset": 0, "text": lines}])
    tail = api.get(f"runs/{run['id']}/log", max_bytes=20)
    assert (tail["text"], tail["is_complete"]) == ("line 98\nline 99\n", False)
