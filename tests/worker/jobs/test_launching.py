"""The command line of a run's trainer, and the devices that it sees."""

import sys
from pathlib import Path
from uuid import UUID

import pytest

from backend.contract.config import (
    AnyRunConfig,
    EngineConfig,
    EvaluationRunConfig,
    ParallelConfig,
    RLConfig,
    SFTConfig,
)
from backend.contract.messages import Claim
from worker.launching import trainer_argv
from worker.process_tree import start_trainer

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


def test_a_run_is_handed_as_many_gpus_as_it_needs():
    config = RLConfig(model="m", dataset="d", parallel=ParallelConfig(devices=2))
    held = Claim(run_id=RUN, fence=3, lease_s=30.0, config=config, gpus=("GPU-a", "GPU-b"))
    assert "--nproc-per-node=2" in trainer_argv(held, Path("/home"))
    with pytest.raises(ValueError, match="needs 2 GPUs and was handed 1"):
        Claim(run_id=RUN, fence=3, lease_s=30.0, config=config, gpus=("GPU-a",))
    # The engine's own GPU is no process of the trainer.
    engine = EngineConfig(name="vllm", placement="own_device")
    config = RLConfig(model="m", dataset="d", engine=engine)
    held = Claim(run_id=RUN, fence=3, lease_s=30.0, config=config, gpus=("GPU-a", "GPU-b"))
    assert "torch.distributed.run" not in trainer_argv(held, Path("/home"))


@pytest.mark.parametrize(("gpus", "seen"), [(("GPU-b", "GPU-a"), "GPU-b,GPU-a"), ((), "")])
def test_a_trainer_sees_the_gpus_that_its_run_holds_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: tuple[str, ...], seen: str
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    log = tmp_path / "log"
    code = "import os; print('sees', repr(os.environ['CUDA_VISIBLE_DEVICES']))"
    argv = [sys.executable, "-c", code]
    trainer = start_trainer(argv, run_id=RUN, home=tmp_path, log=log, gpus=gpus)
    # Not by kill_tree, which belongs to a runner: it ends all that the process of the tests began.
    assert trainer.wait(timeout=60) == 0
    assert log.read_text() == f"sees {seen!r}\n"
