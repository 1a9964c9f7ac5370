"""A trainer without torch: writes records as told, and misbehaves as told.

python fake_trainer.py MODE --home HOME --run RUN --fence FENCE
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from backend.contract.artifacts import Home
from backend.contract.messages import ProgressRecord, SampleRecord, StepRecord
from worker.reporter import Reporter

NUM_STEPS = 30


def write_step(reporter: Reporter, rl_step: int) -> None:
    reporter.write(
        StepRecord(
            rl_step=rl_step,
            epoch=rl_step / 10,
            samples=4 * rl_step,
            tokens=40 * rl_step,
            seconds=float(rl_step),
            logged_at=datetime.now(UTC),
            metrics={"training/accuracy": rl_step / NUM_STEPS},
        )
    )
    reporter.write(
        SampleRecord(
            rl_step=rl_step,
            index=0,
            item_id="item-1",
            split="train",
            response=f"step {rl_step}: \\boxed{{1}}",
            num_response_tokens=5,
            is_truncated=False,
            extracted_answer="1",
            is_correct=True,
            outcome_reward=1.0,
            reward_parts={"accuracy": 1.0},
        )
    )
    reporter.write(
        ProgressRecord(rl_step=rl_step, total_rl_steps=NUM_STEPS, phase=f"learning {rl_step}")
    )
    print(f"step {rl_step} done", flush=True)


def steps(reporter: Reporter, *, pause_s: float) -> None:
    for rl_step in range(1, NUM_STEPS + 1):
        write_step(reporter, rl_step)
        time.sleep(pause_s)


def stubborn(folder: Path) -> None:
    """Ignore every polite request, and so does a grandchild in a session of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    grandchild = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    (folder / "grandchild").write_text(str(grandchild.pid))
    time.sleep(600)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--run", type=UUID, required=True)
    parser.add_argument("--fence", type=int, required=True)
    options = parser.parse_args()
    folder = Home(options.home).run(options.run)
    (folder.root / "trainer.pid").write_text(str(os.getpid()))
    reporter = Reporter(folder.spool(options.fence))
    write_step(reporter, 0)
    match options.mode:
        case "quick":
            steps(reporter, pause_s=0.0)
        case "slow":
            steps(reporter, pause_s=0.1)
        case "failure":
            failure = {"code": "dataset_invalid", "message": "row 3 has no answer"}
            folder.failure(options.fence).write_text(json.dumps(failure))
            sys.exit(1)
        case "crash":
            raise RuntimeError("tensors do not fit")
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stubborn":
            stubborn(folder.root)
        case "secrets":
            print(json.dumps(sorted(name for name in os.environ if name.startswith("MAYE_"))))
        case mode:
            sys.exit(f"unknown mode {mode}")
    reporter.close()


if __name__ == "__main__":
    main()
