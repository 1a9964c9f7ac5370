"""Single answers of evaluations: stored once, counted, filtered, compared."""

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from api_caller import PNG_SHA256, Api

from backend.analysis.intervals import wilson
from backend.database.tables import Answer, Dataset, DatasetItem

NUM_PROBLEMS = 4


@pytest.fixture(autouse=True)
def validation(api: Api) -> None:
    """Problems v1 to v4: two of each category, difficulties 1, 2, 10 and none."""
    with api.platform.database.session_scope() as session:
        dataset_id = session.scalars(sa.select(Dataset.id)).one()
        for row, difficulty in enumerate(("1", "2", "10", None), start=1):
            item = DatasetItem(
                dataset_id=dataset_id,
                split="validation",
                row=row,
                item_id=f"v{row}",
                question=f"Which shape is it? ({row})",
                answer=str(row),
                category="colour" if row <= 2 else "form",
                difficulty=difficulty,
                image_sha256=PNG_SHA256,
            )
            session.add(item)


def answer(item: int, sample: int = 0, *, is_correct: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "type": "answer",
        "rl_step": 3,
        "split": "validation",
        "pictures": "own",
        "k": 2,
        "temperature": 1.0,
        "top_p": 1.0,
        "item_id": f"v{item}",
        "sample": sample,
        "response": f"Sample {sample}: \\boxed{{{item}}}",
        "num_response_tokens": 10 * (sample + 1),
        "is_truncated": False,
        "is_repeating": False,
        "extracted_answer": str(item),
        "is_correct": is_correct,
        "failure": None,
        "reward_parts": {"accuracy": float(is_correct), "language": "NaN"},
        "reflection": {},
        **more,
    }


def both(solved: Sequence[int], **more: Any) -> list[dict[str, Any]]:
    """Two samples of each problem; the second is right where it is solved."""
    return [
        answer(item, sample, is_correct=sample == 1 and item in solved, **more)
        for item in range(1, NUM_PROBLEMS + 1)
        for sample in range(2)
    ]


def claimed(api: Api) -> dict[str, Any]:
    api.create_run()
    claim = api.claim(slots=100)
    assert claim is not None
    return claim


def evaluated(api: Api, *answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Evaluations of a run that sent these answers."""
    claim = claimed(api)
    for records in answers:
        assert api.ingest(claim, records).status_code == 200
    return api.get("evaluations", run=claim["run_id"])


def test_answers_sent_twice_and_in_pieces_are_counted_once(api: Api) -> None:
    records = both([2, 3])
    (evaluation,) = evaluated(api, records[:5], records, records[2:], records)
    assert (evaluation["num_problems"], evaluation["num_answers"]) == (4, 8)
    assert (evaluation["num_solved"], evaluation["num_correct"]) == (2, 2)
    assert evaluation["accuracy"] == 0.5
    assert (evaluation["accuracy_low"], evaluation["accuracy_high"]) == wilson(2, 4)
    assert evaluation["mean_response_tokens"] == 15
    assert (evaluation["dataset"], evaluation["split"], evaluation["rl_step"]) == (
        "shapes",
        "validation",
        3,
    )


def test_a_problem_is_solved_once_however_many_responses_are_right(api: Api) -> None:
    (evaluation,) = evaluated(api, [answer(1, sample, is_correct=True) for sample in range(2)])
    assert (evaluation["num_solved"], evaluation["num_correct"]) == (1, 2)
    assert evaluation["accuracy"] == 1.0


def test_every_decoding_split_and_step_is_an_evaluation_of_its_own(api: Api) -> None:
    found = evaluated(
        api,
        both([1]),
        both([1, 2], rl_step=5),
        both([3], temperature=0.01, top_p=0.001)
        + both([], pictures="permuted")
        + both([], k=3)
        + both([4], split="test"),
    )
    assert [e["rl_step"] for e in found] == [3, 3, 3, 3, 3, 5]
    keys = {(e["split"], e["pictures"], e["k"], e["temperature"], e["top_p"]) for e in found}
    assert len(keys) == 5


def test_a_later_attempt_replaces_what_it_answered_anew(api: Api) -> None:
    claim = claimed(api)
    api.ingest(claim, both([1, 2]))
    api.end(claim, "lost")
    second = api.claim(slots=100)
    assert second is not None
    changed = answer(4, 0, response="Anew", extracted_answer=None, failure="timeout")
    api.ingest(second, [answer(1, 1), answer(2, 1, is_correct=True), changed])
    (evaluation,) = api.get("evaluations", run=claim["run_id"])
    assert evaluation["num_solved"] == 1
    assert api.ingest(claim, both([1])).status_code == 409
    with api.platform.database.read_scope() as session:
        fences = session.execute(sa.select(Answer.item_id, Answer.sample, Answer.fence)).all()
    # What came again unchanged stays with the attempt that judged it.
    assert [tuple(row) for row in fences if row.fence == 2] == [("v1", 1, 2), ("v4", 0, 2)]


def test_numbers_that_no_database_takes_are_refused(api: Api) -> None:
    claim = claimed(api)
    for wrong in (
        {"temperature": "NaN"},
        {"num_response_tokens": 2**63},
        {"reflection": {"wait": 2**62, "yet": 2**62}},
    ):
        assert api.ingest(claim, [answer(1, **wrong)]).status_code == 422
    assert api.get("evaluations", run=claim["run_id"]) == []


def test_an_answer_is_shown_with_its_problem(api: Api) -> None:
    records = [
        answer(2, response="Wait, \x00wait: 100% \\boxed{2}", reflection={"wait": 2}),
        answer(1, failure="timeout", extracted_answer=None),
    ]
    (evaluation,) = evaluated(api, records)
    page = api.get(f"evaluations/{evaluation['id']}/answers")
    assert page["evaluation"] == evaluation
    first, second = page["answers"]
    assert (first["item_id"], first["failure"], first["extracted_answer"]) == (
        "v1",
        "timeout",
        None,
    )
    assert second == {
        "item_id": "v2",
        "row": 2,
        "sample": 0,
        "question": "Which shape is it? (2)",
        "gold_answer": "2",
        "category": "colour",
        "difficulty": "2",
        "image_sha256": PNG_SHA256,
        "response": "Wait, \ufffdwait: 100% \\boxed{2}",
        "extracted_answer": "2",
        "is_correct": False,
        "failure": None,
        "num_response_tokens": 10,
        "is_truncated": False,
        "is_repeating": False,
        "reward_parts": {"accuracy": 0.0, "language": "NaN"},
        "reflection": {"wait": 2},
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"item": "v3"}, ["v3.0", "v3.1"]),
        ({"correct": True}, ["v2.1", "v3.1"]),
        ({"correct": False, "category": "colour"}, ["v1.0", "v1.1", "v2.0"]),
        ({"reflective": True}, ["v1.0"]),
        ({"reflective": False, "difficulty": "1"}, ["v1.1"]),
        ({"search": "100%"}, ["v1.0"]),
        ({"search": "SHAPE IS IT? (4)"}, ["v4.0", "v4.1"]),
        ({"search": "_"}, []),
        ({"difficulty": "7"}, []),
    ],
)
def test_answers_are_filtered(api: Api, query: dict[str, Any], expected: list[str]) -> None:
    records = both([2, 3])
    records[0] |= {"response": "Wait, 100% sure", "reflection": {"wait": 1}}
    (evaluation,) = evaluated(api, records)
    page = api.get(f"evaluations/{evaluation['id']}/answers", **query)
    assert [f"{one['item_id']}.{one['sample']}" for one in page["answers"]] == expected


def test_pages_follow_each_other_without_gap(api: Api) -> None:
    (evaluation,) = evaluated(api, both([]))
    path, seen, cursor = f"evaluations/{evaluation['id']}/answers", [], None
    while not seen or cursor:
        page = api.get(path, limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [(one["row"], one["sample"]) for one in page["answers"]]
        cursor = page["next_cursor"]
    assert seen == [(row, sample) for row in range(1, 5) for sample in range(2)]
    answer = api.client.get(f"/api/v1/{path}?cursor=eDp5", headers=api.person)
    assert answer.status_code == 422


def test_gained_and_lost_problems_are_told_by_category_and_difficulty(api: Api) -> None:
    (a,) = evaluated(api, both([1, 2]))
    (b,) = evaluated(api, both([2, 3, 4]))
    compared = api.get("evaluations/compare", a=a["id"], b=b["id"])
    assert (compared["a"], compared["b"]) == (a, b)
    assert [problem["item_id"] for problem in compared["gained"]] == ["v3", "v4"]
    assert [problem["question"] for problem in compared["lost"]] == ["Which shape is it? (1)"]
    assert (compared["num_solved_a"], compared["num_solved_b"]) == (2, 3)
    assert compared["p_value"] == 1.0
    assert compared["difference"] == 0.25
    assert compared["difference_low"] <= 0.25 <= compared["difference_high"]
    groups = [
        (g["name"], g["num_problems"], g["num_gained"], g["num_lost"])
        for g in compared["by_category"]
    ]
    assert groups == [("colour", 2, 0, 1), ("form", 2, 2, 0)]
    assert [g["name"] for g in compared["by_difficulty"]] == ["1", "2", "10", None]
    again = api.get("evaluations/compare", a=a["id"], b=b["id"])
    assert again == compared


def test_only_common_problems_are_compared(api: Api) -> None:
    (a,) = evaluated(api, both([1])[:4])
    (b,) = evaluated(api, both([1])[2:])
    compared = api.get("evaluations/compare", a=a["id"], b=b["id"])
    assert (compared["num_problems"], compared["num_only_a"], compared["num_only_b"]) == (1, 1, 2)
    (c,) = evaluated(api, both([1])[6:])
    refused = api.client.get(
        f"/api/v1/evaluations/compare?a={a['id']}&b={c['id']}", headers=api.person
    )
    assert refused.status_code == 422
    assert "no problem in common" in refused.json()["detail"]


def test_other_splits_are_not_compared_and_unknown_evaluations_not_found(api: Api) -> None:
    a, b = evaluated(api, both([1]), both([1], split="test"))
    path = f"/api/v1/evaluations/compare?a={a['id']}&b={b['id']}"
    refused = api.client.get(path, headers=api.person)
    assert refused.status_code == 422
    assert "a is of shapes validation, b of shapes test" in refused.json()["detail"]
    for path in (f"evaluations/compare?a={a['id']}&b=999", "evaluations/999/answers"):
        assert api.client.get(f"/api/v1/{path}", headers=api.person).status_code == 404
    unknown = "evaluations?run=00000000-0000-0000-0000-000000000000"
    assert api.client.get(f"/api/v1/{unknown}", headers=api.person).status_code == 404
