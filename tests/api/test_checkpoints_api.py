"""The list of checkpoints: what is still on the disk, the last one and the best one."""

from typing import Any

import pytest
from api_caller import Api, step

from backend.contract.artifacts import Home
from backend.contract.settings import Settings

VALIDATION = "evaluation/accuracy{{k=1,pictures=own,split=validation,temperature={}}}"


@pytest.fixture
def home(settings: Settings) -> Home:
    return settings.paths


@pytest.fixture
def claim(api: Api) -> dict[str, Any]:
    api.create_run()
    claim = api.claim(slots=9)
    assert claim is not None
    api.beat(claim)
    return claim


def announce(api: Api, claim: dict[str, Any], *steps: int) -> None:
    records = [
        {
            "type": "checkpoint",
            "rl_step": rl_step,
            "name": f"step-{rl_step:08d}.f{claim['fence']}",
            "manifest_sha256": "c" * 64,
            "size_bytes": 1,
        }
        for rl_step in steps
    ]
    assert api.ingest(claim, records).status_code == 200


def write(home: Home, claim: dict[str, Any], *steps: int, suffix: str = "") -> None:
    for rl_step in steps:
        name = f"step-{rl_step:08d}.f{claim['fence']}{suffix}"
        folder = home.run(claim["run_id"]).checkpoints / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")


def marks(api: Api, claim: dict[str, Any]) -> list[tuple[int, str]]:
    """Step and marks of each checkpoint, in the order of the list."""
    return [
        (c["rl_step"], " ".join(m for m in ("kept", "last", "best") if c[f"is_{m}"]))
        for c in api.get(f"runs/{claim['run_id']}/checkpoints")
    ]


def test_it_says_which_are_still_there_and_which_is_the_last_and_the_best(
    api: Api, home: Home, claim: dict[str, Any]
) -> None:
    announce(api, claim, 0, 2, 4, 6, 8)
    write(home, claim, 2, 6)
    write(home, claim, 8, suffix=".corrupt")
    # Step 2 had the highest accuracy first; that of another decoding setting decides nothing.
    for rl_step, accuracy in ((0, 0.25), (2, 0.5), (4, 0.25), (6, 0.5)):
        points = {VALIDATION.format(0.01): accuracy, VALIDATION.format(0.6): rl_step / 10}
        assert api.ingest(claim, [step(rl_step, **points)]).status_code == 200
    assert marks(api, claim) == [
        (8, ""),
        (6, "kept last"),
        (4, ""),
        (2, "kept best"),
        (0, ""),
    ]


def test_an_earlier_attempts_later_step_is_not_the_last(
    api: Api, home: Home, claim: dict[str, Any]
) -> None:
    announce(api, claim, 6)
    write(home, claim, 6)
    api.end(claim, "failed", error_code="x", reason="y")
    api.post(f"runs/{claim['run_id']}/resume", {})
    again = api.claim(slots=9)
    assert again is not None
    announce(api, again, 4)
    write(home, again, 4)
    assert marks(api, claim) == [(4, "kept last"), (6, "kept")]
