"""Experiments on the small library: what is asked for, and made-up runs to their ends."""

from typing import Any

import sqlalchemy as sa
from api_caller import LOGGED_AT, Api

from backend.database.tables import Dataset, DatasetItem

DECODING = [{"k": 2, "temperature": 1.0}, {"k": 1, "temperature": 0.01}]
EVALUATION = {"decoding": DECODING, "max_response_tokens": 8}
VANILLA = {"name": "vanilla", "kind": "vanilla"}
SFT = {
    "name": "sft",
    "kind": "sft",
    "config": {"evaluation": EVALUATION, "supervised": {"samples_per_update": 2}},
}
RL = {
    "name": "rl",
    "kind": "rl",
    "config": {
        "evaluation": EVALUATION,
        "algorithm": {"responses_per_rl_step": 2, "responses_per_update": 2},
    },
}
SPLITS = ("validation", "test")


def complete_library(api: Api) -> None:
    """Solutions for the training problems, and two held-out problems in each split."""
    with api.platform.database.session_scope() as session:
        session.execute(sa.update(DatasetItem).values(solution="So."))
        dataset_id = session.scalars(sa.select(Dataset.id)).one()
        for split in SPLITS:
            for row in (1, 2):
                item = DatasetItem(
                    dataset_id=dataset_id,
                    split=split,
                    row=row,
                    item_id=f"{split}-{row}",
                    question=f"How many of {row}? ({split})",
                    answer=str(row),
                )
                session.add(item)


def spec(**changes: Any) -> dict[str, Any]:
    """Vanilla, SFT and RL with two seeds."""
    return {
        "name": "Shapes",
        "models": ["tiny"],
        "datasets": ["shapes"],
        "settings": [VANILLA, SFT, RL],
        "seeds": [0, 1],
        **changes,
    }


def create(api: Api, **changes: Any) -> dict[str, Any]:
    """An experiment that is accepted."""
    response = api.post("experiments", spec(**changes))
    assert response.status_code == 201, response.text
    return response.json()


def accuracy_key(split: str, k: int, temperature: float) -> str:
    return f"evaluation/accuracy{{k={k},pictures=own,split={split},temperature={temperature}}}"


def step(rl_step: int, epoch: float, metrics: dict[str, float]) -> dict[str, Any]:
    """A step record."""
    return {
        "type": "step",
        "rl_step": rl_step,
        "epoch": epoch,
        "samples": rl_step,
        "tokens": rl_step,
        "seconds": rl_step,
        "logged_at": LOGGED_AT,
        "metrics": metrics,
    }


def answer(rl_step: int, split: str, row: int, *, is_correct: bool) -> dict[str, Any]:
    """An answer of the setting k = 1 at temperature 0.01."""
    return {
        "type": "answer",
        "rl_step": rl_step,
        "split": split,
        "pictures": "own",
        "k": 1,
        "temperature": 0.01,
        "top_p": 1.0,
        "item_id": f"{split}-{row}",
        "sample": 0,
        "response": "\\boxed{1}",
        "num_response_tokens": 3,
        "is_truncated": False,
        "is_repeating": False,
        "extracted_answer": "1",
        "is_correct": is_correct,
        "failure": None,
        "reward_parts": {},
        "reflection": {},
    }


def carry_out(api: Api, records: list[dict[str, Any]], outcome: str = "succeeded") -> str:
    """Let a worker do the next run: its id."""
    claim = api.claim()
    assert claim is not None
    assert api.beat(claim).status_code == 200
    ingested = api.ingest(claim, records)
    assert ingested.status_code == 200, ingested.text
    ended = api.end(claim, outcome, error_code="training_failed" if outcome == "failed" else None)
    assert ended.status_code == 200, ended.text
    return claim["run_id"]


def carry_out_evaluation(api: Api, accuracy: float) -> str:
    """The next run is vanilla: the same accuracy everywhere."""
    keys = [accuracy_key(s, d["k"], d["temperature"]) for s in SPLITS for d in DECODING]
    return carry_out(api, [step(0, 0.0, dict.fromkeys(keys, accuracy))])


def carry_out_training(api: Api, accuracies: list[float]) -> str:
    """The next run trains: one step an epoch, with these accuracies at their ends."""
    keys = [accuracy_key(s, d["k"], d["temperature"]) for s in SPLITS for d in DECODING]
    records = [
        step(epoch, float(epoch), dict.fromkeys(keys, accuracy))
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]
    return carry_out(api, records)
