"""Where an attempt begins: at the run's newest whole checkpoint, or at the start."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.nn import Parameter
from torch.optim import AdamW

from worker.identity import check_identity
from worker.journal import Counters
from worker.modeling.checkpoints import Checkpoint, load_newest, restore_state

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Where an attempt begins."""

    checkpoint: Checkpoint | None
    """None at the start of the run."""
    identity: Mapping[str, Any]
    """The run's identity now; the next checkpoint carries it."""
    notices: tuple[str, ...]
    """What the run's history must tell: corrupt checkpoints, and what a forced resume ignores."""


def find_start(folder: Path, identity: Mapping[str, Any], *, is_forced: bool) -> Start:
    """The newest whole checkpoint of the run that this still is.

    Args:
        folder: The run's checkpoints.
        identity: The run's identity now (`worker/identity.py`).
        is_forced: Whether to go on in spite of what has changed.

    Raises:
        ResumeRefusedError: the run has changed since, or another version of Maye wrote the
            checkpoint.
    """
    checkpoint, problems = load_newest(folder)
    if checkpoint is None:
        over = [f"{problem}; no checkpoint is left: the run starts over" for problem in problems]
        return Start(checkpoint=None, identity=identity, notices=tuple(over))
    rl_step = checkpoint.state["counters"]["rl_step"]
    passed = [f"{problem}; it was passed over for that of step {rl_step}" for problem in problems]
    differences = check_identity(
        identity, checkpoint.state["identity"], rl_step=rl_step, is_forced=is_forced
    )
    ignored = [f"resumed by force although this has changed: {line}" for line in differences]
    return Start(checkpoint=checkpoint, identity=identity, notices=(*passed, *ignored))


def restore(start: Start, parameters: Mapping[str, Parameter], optimizer: AdamW) -> Counters:
    """Put the state of the checkpoint back, if there is one.

    Returns:
        How far the run is.

    Raises:
        CheckpointCorruptError: the checkpoint is of other parameters.
    """
    if start.checkpoint is None:
        return Counters()
    restore_state(parameters, optimizer, start.checkpoint)
    counters = Counters(**start.checkpoint.state["counters"])
    log.info("resumed after step %d", counters.rl_step)
    return counters
