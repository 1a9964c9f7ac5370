"""What an evaluation cannot mean is refused by field and rule."""

from typing import Any

import pytest
from pydantic import ValidationError

from backend.contract.config import EvaluationRunConfig, parse_config

JOB: dict[str, Any] = {"kind": "evaluation", "model": "m", "dataset": "d"}


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        (
            {"evaluation": {"decoding": [{"k": 1, "temperature": 0.6}] * 2}},
            "evaluation.decoding.1",
            "must differ in k or temperature",
        ),
        (
            {"evaluation": {"decoding": [{"k": 4, "temperature": 1.0}], "pass_at": [1, 8]}},
            "evaluation.pass_at.1",
            r"the most responses per problem of evaluation.decoding \(4\)",
        ),
        (
            {"splits": ["test"], "evaluation": {"permuted_control": True}},
            "evaluation.permuted_control",
            "needs the split validation",
        ),
        ({"splits": ["test", "test"]}, "splits.1", "given twice"),
        ({"reflection": {"words": ["a=b"]}}, "reflection.words.0", "equals signs"),
        ({"reflection": {"words": ["Wait"]}}, "reflection.words.0", "lower case"),
    ],
)
def test_it_is_refused_by_field_and_rule(change: dict[str, Any], field: str, rule: str) -> None:
    with pytest.raises(ValidationError, match=rule) as caught:
        parse_config(JOB | change)
    [error] = caught.value.errors()
    assert ".".join(map(str, error["loc"])).endswith(field)


def test_the_default_is_the_paper_s_and_the_job_of_its_kind() -> None:
    cfg = parse_config(JOB)
    assert isinstance(cfg, EvaluationRunConfig)
    assert [(way.k, way.temperature) for way in cfg.evaluation.decoding] == [
        (8, 1.0),
        (1, 0.6),
        (1, 0.01),
    ]
    assert len(cfg.reflection.words) == 15
