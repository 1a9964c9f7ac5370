"""What a trainer tells the world, in order: metrics, progress and checkpoints, to the spool."""

import logging
import resource
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import AdamW

from backend.contract.config import CheckpointConfig
from backend.contract.disk import MAKE_ROOM, is_full
from backend.contract.errors import CheckpointNotSavedError, DiskFullError
from backend.contract.messages import (
    AnswerRecord,
    NoticeRecord,
    ProgressRecord,
    SampleRecord,
    StepRecord,
)
from worker.modeling.checkpoints import remove_old, save_checkpoint, take_state
from worker.reporter import Reporter

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """How far the run is; part of every checkpoint."""

    rl_step: int = 0
    """Finished steps: RL steps, or updates of supervised fine-tuning."""
    epoch: float = 0.0
    """Passes over the training split."""
    samples: int = 0
    """Responses collected, or solutions learnt from."""
    tokens: int = 0
    """Tokens of them."""
    seconds: float = 0.0
    """Training time over all attempts."""
    epoch_correct: int = 0
    """Right responses of the present epoch."""
    epoch_seen: int = 0
    """Responses of the present epoch."""
    best_accuracy: float | None = None
    """Highest validation accuracy by the last decoding setting; None before an evaluation."""
    best_rl_step: int | None = None
    """Step that had it first."""


class Stopwatch:
    """Laps of one step, in s."""

    def __init__(self) -> None:
        """Start."""
        self._lap_at = time.monotonic()
        self.laps: dict[str, float] = {}
        """Name to duration."""

    def lap(self, name: str) -> None:
        """End a lap and begin the next."""
        now = time.monotonic()
        self.laps[name] = self.laps.get(name, 0.0) + now - self._lap_at
        self._lap_at = now


class Journal:
    """Writes what happened, in order, to the spool; announces checkpoints once they are durable."""

    def __init__(
        self,
        reporter: Reporter,
        *,
        total_rl_steps: int,
        counters: Counters,
        device: torch.device,
        is_first: bool = True,
    ) -> None:
        """Go on from the counters.

        Args:
            reporter: The spool.
            total_rl_steps: RL steps of the whole run.
            counters: Where the run stands.
            device: For the memory reading.
            is_first: False on a device that only helps the first one to save.
        """
        self._is_first = is_first
        self._reporter = reporter
        self.total_rl_steps = total_rl_steps
        """Steps of the whole run."""
        self._device = device
        self._started_at = time.monotonic() - counters.seconds
        self.counters = counters
        """Where the run stands."""

    def progress(self, phase: str) -> None:
        """Say what the trainer does now."""
        self._reporter.write(
            ProgressRecord(
                rl_step=self.counters.rl_step, total_rl_steps=self.total_rl_steps, phase=phase
            )
        )

    def log_step(
        self,
        counters: Counters,
        metrics: Mapping[str, float],
        samples: Sequence[SampleRecord] = (),
    ) -> None:
        """Write a finished step: its metrics and its responses."""
        self.counters = replace(counters, seconds=time.monotonic() - self._started_at)
        for record in samples:
            self._reporter.write(record)
        memory = {"health/peak_memory_bytes": peak_memory_bytes(self._device)}
        self.log_metrics({**metrics, **memory})
        self.progress("training")

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Write metrics at the present step."""
        counters = self.counters
        self._reporter.write(
            StepRecord(
                rl_step=counters.rl_step,
                epoch=counters.epoch,
                samples=counters.samples,
                tokens=counters.tokens,
                seconds=counters.seconds,
                logged_at=datetime.now(UTC),
                metrics=dict(metrics),
            )
        )

    def tell_answers(self, answers: Sequence[AnswerRecord]) -> None:
        """Write answers of an evaluation; one that was told before changes nothing."""
        for record in answers:
            self._reporter.write(record)

    def note_accuracy(self, accuracy: float) -> None:
        """Remember the step of the best validation accuracy: the first of equal ones."""
        best = self.counters.best_accuracy
        if best is None or accuracy > best:
            self.counters = replace(
                self.counters, best_accuracy=accuracy, best_rl_step=self.counters.rl_step
            )

    def notice(self, text: str) -> None:
        """Say something that nobody should miss: it goes to the run's history and the log."""
        log.warning(text)
        self._reporter.write(NoticeRecord(rl_step=self.counters.rl_step, text=text[:4000]))

    def save(
        self,
        folder: Path,
        cfg: CheckpointConfig,
        *,
        fence: int,
        parameters: Mapping[str, Parameter],
        optimizer: AdamW,
        identity: Mapping[str, Any],
    ) -> None:
        """Save the complete state, then announce it, then drop what is no longer kept.

        A disk that does not take it costs the run nothing but safety: that is said, and training
        goes on.

        Raises:
            DiskFullError: there was no room for the last one, which holds what the run has learnt.
            CheckpointNotSavedError: the last one could not be saved for another reason.
        """
        watch = Stopwatch()
        self._reporter.sync()
        counters = replace(self.counters, seconds=time.monotonic() - self._started_at)
        state = {"counters": asdict(counters), "identity": dict(identity)}
        checkpoint = take_state(parameters, optimizer, state)
        if not self._is_first:
            return
        try:
            record = save_checkpoint(
                folder, rl_step=counters.rl_step, fence=fence, checkpoint=checkpoint
            )
        except CheckpointNotSavedError as error:
            if counters.rl_step == self.total_rl_steps:
                cause = error.__cause__
                if isinstance(cause, Exception) and is_full(cause):
                    raise DiskFullError(f"{error.message}; {MAKE_ROOM}") from error
                raise
            self.log_metrics({"health/checkpoint_failed": 1.0})
            self.notice(f"{error.message}; training goes on, and would resume from the one before")
            return
        self._reporter.write(record)
        self._reporter.sync()
        remove_old(folder, cfg.keep, best_rl_step=counters.best_rl_step)
        watch.lap("checkpoint")
        self.log_metrics({"health/checkpoint_s": watch.laps["checkpoint"]})
        log.info("saved checkpoint %s (%d bytes)", record.name, record.size_bytes)


def peak_memory_bytes(device: torch.device) -> float:
    """Largest resident memory of this process; on a GPU: allocated on it."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
