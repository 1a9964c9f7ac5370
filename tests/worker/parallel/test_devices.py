"""What several processes tell each other, and what happens when one does not come."""

import json

import pytest
import torch

from backend.contract.config import ParallelConfig
from backend.contract.errors import TrainingError
from tests.worker.parallel.together import run_together
from worker.parallel.devices import Devices, balanced_shares


def test_every_device_ends_with_the_same_sums_rows_and_news():
    done = run_together(2, "tests.worker.parallel.messages")
    assert done.returncode == 0, done.stderr
    first, second = sorted(
        (json.loads(line) for line in done.stdout.splitlines()), key=lambda line: line["share"]
    )
    assert first["share"] == [0, 1]
    assert second["share"] == [2, 3, 4]
    for held in (first, second):
        assert held["sum"] == [3.0]
        assert held["rows"] == [[0, 1, -1], [0, 1, 2], [0, 1, 2]]
        assert held["told"] == {"reward": 0.5, "text": "√2"}


def test_a_wait_beyond_the_bound_says_what_was_waited_for_and_who_did_not_come():
    done = run_together(2, "tests.worker.parallel.missing")
    assert (
        "device 0 of 2 waited for the responses of RL step 12: device 1 did not come; "
        "the bound is parallel.collective_timeout_s = 2 s"
    ) in done.stdout, done.stderr


def test_another_number_of_processes_than_the_configuration_wants_is_refused(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(TrainingError, match=r"1 processes were started, parallel\.devices is 2"):
        Devices.join(ParallelConfig(devices=2), torch.device("cpu"))


def test_a_single_device_has_everything_and_tells_nobody():
    alone = Devices.alone(torch.device("cpu"))
    alone.meet("nobody")
    assert list(alone.share(3)) == [0, 1, 2]
    assert alone.tell({"a": 1}, "news") == {"a": 1}


def test_shares_cost_about_the_same_whatever_the_order():
    costs = [100, 1, 1, 1, 97, 50, 49, 1]
    totals = [sum(costs[i] for i in share) for share in balanced_shares(costs, 2)]
    assert abs(totals[0] - totals[1]) <= 2
    assert sorted(i for share in balanced_shares(costs, 3) for i in share) == list(range(8))
