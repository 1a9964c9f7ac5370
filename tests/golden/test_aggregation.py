"""How token losses become one number, worked out by hand.

Two responses of 1 and 3 tokens with the losses 4 and 1, 1, 1:

    token mean       7 / 4
    response mean    (4 + 1) / 2 = 5 / 2
    constant         7 / (2 x 10) with at most 10 tokens
    two slices       each response is a slice: (4 / 1 + 3 / 3) / 2 = 5 / 2
"""

import pytest
import torch

from backend.contract.config import RLConfig
from worker.rl.aggregation import shuffled_parts, token_weights

COUNTS = torch.tensor([1, 3])
SUMS = torch.tensor([4.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize(
    ("aggregation", "num_slices", "expected"),
    [
        ("token_mean", 1, 7 / 4),
        ("response_mean", 1, 5 / 2),
        ("constant", 1, 7 / 20),
        ("token_mean", 2, 5 / 2),
    ],
)
def test_aggregation_by_hand(aggregation, num_slices, expected):
    weights = token_weights(COUNTS, aggregation, max_response_tokens=10, num_slices=num_slices)
    assert float((weights * SUMS).sum()) == pytest.approx(expected)


def config(**algorithm):
    return RLConfig.model_validate({"model": "m", "dataset": "d", "algorithm": algorithm})


def test_every_response_is_in_one_update_of_each_pass_and_updates_are_numbered():
    cfg = config(responses_per_rl_step=12, responses_per_update=4, passes_per_rl_step=2)
    parts = list(shuffled_parts(torch.arange(1, 13), cfg, 1))
    assert [part.index for part in parts] == list(range(6))
    for start in (0, 3):
        rows = [row for part in parts[start : start + 3] for row in part.rows]
        assert sorted(rows) == list(range(12))
    assert all(part.num_tokens == sum(row + 1 for row in part.rows) for part in parts)


def test_an_update_of_maye_legacy_takes_as_many_responses_of_each_rank():
    cfg = config(
        name="maye_legacy", legacy_ranks=3, responses_per_rl_step=12, responses_per_update=6
    )
    for part in shuffled_parts(torch.ones(12, dtype=torch.long), cfg, 1):
        assert [row // 4 for row in part.rows] == [0, 0, 1, 1, 2, 2]
