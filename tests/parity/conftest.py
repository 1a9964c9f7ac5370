"""TRL looks for vLLM by its name; the folder `tests/vllm` must not pass for it."""

import sys
from pathlib import Path

TESTS = str(Path(__file__).parents[1])

path, sys.path = sys.path, [entry for entry in sys.path if entry != TESTS]
import trl.trainer.grpo_trainer  # noqa: E402
import trl.trainer.rloo_trainer  # noqa: E402, F401

sys.path = path
