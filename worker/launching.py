"""The command that starts the trainer of a run: one process, or one per device by torchrun."""

import sys
from pathlib import Path

from backend.contract.messages import Claim

TRAINERS = {"rl": "worker.rl", "sft": "worker.sft", "evaluation": "worker.evaluation"}
"""Kind of run to the module that carries it out."""


def trainer_argv(claim: Claim, home: Path) -> list[str]:
    """The argument vector of a run's trainer.

    Args:
        claim: The run and its attempt.
        home: MAYE_HOME.
    """
    python, config = [sys.executable], claim.config
    num_devices = 1 if config.kind == "evaluation" else config.parallel.devices
    if num_devices > 1:
        # --standalone finds a free port of its own; --max-restarts 0: attempts are the API's.
        python += ["-m", "torch.distributed.run", "--standalone", "--max-restarts=0"]
        python += [f"--nproc-per-node={num_devices}"]
        # torchrun takes --run for a shortened option of its own, unless options end before it.
        python += ["-m", "--"]
    else:
        python += ["-m"]
    trainer = [TRAINERS[config.kind], "--home", str(home)]
    forced = ["--force-resume"] * claim.force_resume
    return [*python, *trainer, "--run", str(claim.run_id), "--fence", str(claim.fence), *forced]
