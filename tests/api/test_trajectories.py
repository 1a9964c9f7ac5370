"""Traces of RL steps over REST: files laid down as the trainer lays them down."""

import json
import struct
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from api_caller import PNG_SHA256, Api

SIZES = {"I32": "i", "F32": "f", "U8": "B"}

TRACE: dict[str, Any] = {
    "format": 1,
    "rl_step": 3,
    "fence": 1,
    "num_responses": 4,
    "algorithm": {"name": "reinforce_plus_plus"},
    "mismatch": {},
    "loss": 0.25,
    "samples": [
        {
            "index": index,
            "item_id": f"item-{place + 1}",
            "image": {
                "span_start": 1,
                "span_end": 2,
                "num_tokens": 1,
                "patch_grid": {"time": 1, "height": 2, "width": 2},
                "merged_grid": {"time": 1, "height": 1, "width": 1},
            },
            "is_finished": place == 0,
            "is_correct": place == 0,
            "reward_parts": [
                {"name": "accuracy", "value": 1.0, "weight": 1.0},
                {"name": "language", "value": 0.5, "weight": 2.0},
            ],
            "outcome": 2.0 if place == 0 else -0.1,
        }
        for place, index in enumerate((0, 2))
    ],
    "updates": [{"index": 0, "pass_index": 0, "rows": [0, 1, 2, 3], "num_tokens": 10}],
    "entries": [
        # The update saw the second response first.
        {"sample": 1, "update": 0, "loss_weight": 0.1, "kl_weight": 0.001},
        {"sample": 0, "update": 0, "loss_weight": 0.1, "kl_weight": 0.001},
    ],
}
# Prompts of 3 and 2 tokens, responses of 2 and 3.
TENSORS: dict[str, tuple[str, list[int], list[float]]] = {
    "prompt_offsets": ("I32", [3], [0, 3, 5]),
    "response_offsets": ("I32", [3], [0, 2, 5]),
    "update_offsets": ("I32", [3], [0, 3, 5]),
    "prompt_tokens": ("I32", [5], [5, 6, 7, 8, 9]),
    "prompt_positions": ("I32", [3, 5], [0, 1, 2, 0, 1, 0, 1, 3, 0, 1, 0, 1, 4, 0, 1]),
    "prompt_pieces": ("U8", [6], list(b"ab\xc3\xa9cd")),
    "prompt_piece_offsets": ("I32", [6], [0, 1, 2, 4, 5, 6]),
    "response_tokens": ("I32", [5], [10, 11, 12, 13, 14]),
    "response_pieces": ("U8", [5], list(b"x\xffyz\n")),
    "response_piece_offsets": ("I32", [6], [0, 1, 2, 3, 4, 5]),
    "response_mask": ("U8", [5], [1, 1, 1, 1, 1]),
    "advantages": ("F32", [5], [0.5, 0.5, -1.0, -1.0, float("inf")]),
    "correction_weights": ("F32", [5], [1.0, 2.0, 1.0, 1.0, 1.0]),
    "surrogate_loss": ("F32", [5], [1.0, 2.0, 3.0, 4.0, 5.0]),
    "kl_loss": ("F32", [5], [0.0, 0.0, 0.0, 10.0, 20.0]),
}


def lay_down(path: Path, trace: dict[str, Any] = TRACE) -> None:
    """A safetensors file, byte by byte."""
    header: dict[str, Any] = {"__metadata__": {"trace": json.dumps(trace)}}
    content = b""
    for name, (dtype, shape, values) in TENSORS.items():
        start = len(content)
        content += struct.pack(f"<{len(values)}{SIZES[dtype]}", *values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, len(content)]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)


@pytest.fixture
def run_id(api: Api) -> UUID:
    run = api.create_run(trace={"every_rl_steps": 2, "samples": [0]})
    folder = api.platform.settings.paths.run(UUID(run["id"]))
    lay_down(folder.trace(3, 1))
    return UUID(run["id"])


def problem(api: Api, path: str, status: int) -> dict[str, Any]:
    response = api.client.get(f"/api/v1/{path}", headers=api.person)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()


def test_the_index_names_traced_steps_and_responses(api: Api, run_id: UUID):
    assert api.get(f"runs/{run_id}/trajectories") == {
        "every_rl_steps": 2,
        "steps": [{"rl_step": 3, "indices": [0, 2], "num_responses": 4}],
        "unreadable": [],
    }


def test_a_run_without_traces_says_so(api: Api):
    run = api.create_run()
    found = api.get(f"runs/{run['id']}/trajectories")
    assert found == {"every_rl_steps": 0, "steps": [], "unreadable": []}


def test_a_response_has_its_own_rows_of_every_tensor(api: Api, run_id: UUID):
    got = api.get(f"runs/{run_id}/trajectories/3/2")
    assert (got["item_id"], got["question"], got["image_sha256"]) == (
        "item-2",
        "How many? (2)",
        PNG_SHA256,
    )
    assert got["prompt"] == [{"id": 8, "text": "c"}, {"id": 9, "text": "d"}]
    assert got["prompt_positions"] == [[0, 1], [0, 1], [0, 1]]
    assert [token["id"] for token in got["response"]] == [12, 13, 14]
    assert [token["text"] for token in got["response"]] == ["y", "z", "\n"]
    assert got["columns"]["advantages"] == [-1.0, -1.0, "Infinity"]
    [update] = got["updates"]
    assert update["columns"]["surrogate_loss"] == [1.0, 2.0, 3.0]
    shapes = {tensor["name"]: (tensor["shape"], tensor["dtype"]) for tensor in got["tensors"]}
    assert shapes["prompt_positions"] == ([3, 2], "int32")
    assert shapes["surrogate_loss"] == ([3], "float32")
    assert shapes["response_mask"] == ([3], "uint8")


def test_bytes_that_are_no_character_stay_one_token(api: Api, run_id: UUID):
    got = api.get(f"runs/{run_id}/trajectories/3/0")
    assert [token["text"] for token in got["prompt"]] == ["a", "b", "\u00e9"]
    assert [token["text"] for token in got["response"]] == ["x", "\ufffd"]


def test_rewards_and_loss_terms_add_up(api: Api, run_id: UUID):
    whole, cut = (api.get(f"runs/{run_id}/trajectories/3/{index}") for index in (0, 2))
    # Outcome 2 = 1 x 1 + 2 x 0.5.
    assert whole["reward_adjustment"] == 0.0
    assert cut["reward_adjustment"] == pytest.approx(-2.1)
    # Surrogate 0.1 (4 x 1 + 5 x 2), KL 0.001 (10 + 20).
    [update] = whole["updates"]
    assert update["surrogate_contribution"] == pytest.approx(1.4)
    assert update["kl_contribution"] == pytest.approx(0.03)
    assert update["contribution"] == pytest.approx(1.43)


def test_a_step_made_again_shows_the_newest_attempt(api: Api, run_id: UUID):
    folder = api.platform.settings.paths.run(run_id)
    lay_down(folder.trace(3, 10), TRACE | {"loss": 0.5, "fence": 10})
    assert len(api.get(f"runs/{run_id}/trajectories")["steps"]) == 1
    assert api.get(f"runs/{run_id}/trajectories/3/0")["loss"] == 0.5


@pytest.mark.parametrize("where", ["3/1", "2/0", "3/-1", "-3/0", f"{10**30}/0"])
def test_what_is_not_traced_is_not_found(api: Api, run_id: UUID, where: str):
    assert problem(api, f"runs/{run_id}/trajectories/{where}", 404)["code"] == "not_found"


def test_an_unknown_run_is_not_found(api: Api):
    assert problem(api, f"runs/{uuid4()}/trajectories", 404)["code"] == "not_found"
    assert problem(api, f"runs/{uuid4()}/trajectories/1/0", 404)["code"] == "not_found"


@pytest.mark.parametrize("where", ["..%2F3/0", "3/0%2F..", "x/0"])
def test_no_path_comes_from_the_address(api: Api, run_id: UUID, where: str):
    response = api.client.get(f"/api/v1/runs/{run_id}/trajectories/{where}", headers=api.person)
    assert response.status_code in (404, 422)


def test_a_trace_needs_a_token(api: Api, run_id: UUID):
    assert api.client.get(f"/api/v1/runs/{run_id}/trajectories").status_code == 401


@pytest.mark.parametrize("kept_bytes", [0, 7, 100, -30])
def test_a_damaged_trace_is_reported_and_not_shown(api: Api, run_id: UUID, kept_bytes: int):
    path = api.platform.settings.paths.run(run_id).trace(3, 1)
    path.write_bytes(path.read_bytes()[:kept_bytes])
    assert problem(api, f"runs/{run_id}/trajectories/3/2", 409)["code"] == "trace_corrupt"


def test_an_unreadable_trace_is_named_and_hides_none_of_the_others(api: Api, run_id: UUID):
    folder = api.platform.settings.paths.run(run_id)
    lay_down(folder.trace(5, 1), TRACE | {"rl_step": 5})
    folder.trace(3, 1).write_bytes(b"\x10")
    found = api.get(f"runs/{run_id}/trajectories")
    assert [step["rl_step"] for step in found["steps"]] == [5]
    [unreadable] = found["unreadable"]
    assert unreadable["rl_step"] == 3
    assert "step-00000003.f1.safetensors: its header is no trace's" in unreadable["reason"]
