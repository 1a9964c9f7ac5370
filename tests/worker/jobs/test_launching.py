"""The command line of a run's trainer."""

import sys
from pathlib import Path
from uuid import UUID

import pytest

from backend.contract.config import (
    AnyRunConfig,
    EvaluationRunConfig,
    ParallelConfig,
    RLConfig,
    SFTConfig,
)
from backend.contract.messages import Claim
from worker.launching import trainer_argv

RUN = UUID(int=7)


def claim(config: AnyRunConfig) -> Claim:
    return Claim(run_id=RUN, fence=3, lease_s=30.0, config=config)


@pytest.mark.parametrize(
    ("config", "module"),
    [
        (RLConfig(model="m", dataset="d"), "worker.rl"),
        (SFTConfig(kind="sft", model="m", dataset="d"), "worker.sft"),
        (EvaluationRunConfig(kind="evaluation", model="m", dataset="d"), "worker.evaluation"),
    ],
)
def test_the_kind_of_a_run_chooses_its_trainer(config, module):
    argv = trainer_argv(claim(config), Path("/home"))
    expected = ["-m", module, "--home", "/home", "--run", str(RUN), "--fence", "3"]
    assert argv == [sys.executable, *expected]


def test_several_devices_are_started_by_torchrun():
    config = RLConfig(model="m", dataset="d", parallel=ParallelConfig(devices=2))
    argv = trainer_argv(claim(config), Path("/home"))
    assert "torch.distributed.run" in argv
    assert "--nproc-per-node=2" in argv
    # Without the two dashes torchrun takes --run for its own --run-path.
    assert argv[argv.index("worker.rl") - 1] == "--"
