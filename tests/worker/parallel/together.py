"""Starts several processes of one program by torchrun, as a run on several devices is started."""

import os
import subprocess
import sys

from tests.conftest import ROOT


def run_together(
    count: int, *argv: str, timeout_s: float = 240.0
) -> subprocess.CompletedProcess[str]:
    """Run `python -m argv...` in `count` processes that know of each other."""
    launcher = ("-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={count}")
    return subprocess.run(
        [sys.executable, *launcher, "-m", "--", *argv],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
