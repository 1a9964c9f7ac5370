"""A runner whose trainer is the fake one: `python run_attempt.py MODE < claim.json`."""

import logging
import os
import signal
import sys
from pathlib import Path

from backend.contract.messages import Claim
from backend.contract.settings import Settings
from worker.leash import adopt_orphans
from worker.runner import supervise


def main() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    settings = Settings.from_environment(os.environ)
    claim = Claim.model_validate_json(sys.stdin.buffer.read())
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    adopt_orphans()
    end = supervise(
        settings,
        claim,
        trainer_argv=[
            *(sys.executable, str(Path(__file__).with_name("fake_trainer.py")), sys.argv[1]),
            *("--home", str(settings.paths.root), "--run", str(claim.run_id)),
            *("--fence", str(claim.fence)),
        ],
        is_asked_to_stop=lambda: bool(asked),
    )
    print(end.outcome if end else "nothing")


if __name__ == "__main__":
    main()
