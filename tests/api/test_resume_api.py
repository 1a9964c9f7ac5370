"""Resuming a run that failed or was cancelled, and what its history then tells."""

from typing import Any

import pytest
from api_caller import Api

REFUSED = "resume_refused"


def failed_run(api: Api) -> str:
    run_id = api.create_run()["id"]
    claim = claimed(api)
    api.beat(claim)
    api.end(claim, "failed", error_code=REFUSED, reason="config.seed: 0 -> 1")
    return run_id


def claimed(api: Api) -> dict[str, Any]:
    claim = api.claim(slots=9)
    assert claim is not None
    return claim


def checkpoint(claim: dict[str, Any], rl_step: int) -> dict[str, Any]:
    return {
        "type": "checkpoint",
        "rl_step": rl_step,
        "name": f"step-{rl_step:08d}.f{claim['fence']}",
        "manifest_sha256": "c" * 64,
        "size_bytes": 1,
    }


def notice(text: str) -> dict[str, Any]:
    return {"type": "notice", "rl_step": 3, "text": text}


def test_a_failed_run_is_queued_again_and_handed_out_under_a_higher_fence(api: Api) -> None:
    run_id = failed_run(api)
    assert api.get(f"runs/{run_id}")["error_code"] == REFUSED
    answer = api.post(f"runs/{run_id}/resume", {})
    assert answer.status_code == 202
    run = answer.json()
    assert (run["status"], run["error_code"], run["finished_at"]) == ("queued", None, None)
    claim = claimed(api)
    assert (claim["run_id"], claim["fence"], claim["force_resume"]) == (run_id, 2, False)
    assert api.end(claim, "succeeded").status_code == 200


def test_a_cancelled_run_can_be_resumed(api: Api) -> None:
    run_id = api.create_run()["id"]
    api.post(f"runs/{run_id}/cancel")
    assert api.post(f"runs/{run_id}/resume", {"force": False}).json()["status"] == "queued"
    assert api.get(f"runs/{run_id}/events")[-1]["reason"] == "resumed by the user"


def test_force_travels_with_the_claims_until_a_checkpoint_is_made(api: Api) -> None:
    run_id = failed_run(api)
    api.post(f"runs/{run_id}/resume", {"force": True})
    event = api.get(f"runs/{run_id}/events")[-1]
    assert (event["from_status"], event["to_status"], event["actor"]) == (
        "failed",
        "queued",
        "user",
    )
    assert "by force" in event["reason"]
    first = claimed(api)
    assert first["force_resume"]
    api.end(first, "lost", reason="killed")
    second = claimed(api)
    assert second["force_resume"], "the attempt died before it could make a checkpoint"
    api.ingest(second, [checkpoint(second, 4)])
    api.end(second, "lost", reason="killed")
    assert not claimed(api)["force_resume"]


@pytest.mark.parametrize("status", ["queued", "starting", "running", "succeeded"])
def test_only_a_run_that_ended_too_early_can_be_resumed(api: Api, status: str) -> None:
    run_id = api.create_run()["id"]
    if status != "queued":
        claim = claimed(api)
        if status != "starting":
            api.beat(claim)
        if status == "succeeded":
            api.end(claim, "succeeded")
    answer = api.post(f"runs/{run_id}/resume", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert answer.json()["detail"] == (
        f"a run that is {status} cannot be resumed (allowed: failed, cancelled)"
    )


def test_an_absent_run_and_an_unknown_key_are_problems(api: Api) -> None:
    absent = "00000000-0000-0000-0000-000000000000"
    assert api.post(f"runs/{absent}/resume", {}).status_code == 404
    assert api.post(f"runs/{failed_run(api)}/resume", {"forced": True}).status_code == 422


def test_a_notice_of_the_trainer_is_told_once_in_the_history(api: Api) -> None:
    run_id = api.create_run()["id"]
    claim = claimed(api)
    api.beat(claim)
    text = "step-00000004.f1/weights.safetensors differs from its manifest"
    for _ in range(3):
        assert api.ingest(claim, [notice(text), notice("another")]).status_code == 200
    told = [event for event in api.get(f"runs/{run_id}/events") if "trainer" in event["actor"]]
    assert [event["reason"] for event in told] == [text, "another"]
    assert {(event["from_status"], event["to_status"]) for event in told} == {
        ("running", "running")
    }
    assert api.get(f"runs/{run_id}")["reason"] is None
