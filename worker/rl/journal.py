"""What the loop tells the world: metrics, samples, progress and checkpoints, to the spool."""

import logging
import resource
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import AdamW

from backend.contract.config import CheckpointConfig
from backend.contract.messages import ProgressRecord, SampleRecord, StepRecord
from worker.modeling.checkpoints import remove_old, save_checkpoint, take_state
from worker.reporter import Reporter
from worker.rl.data_flow import Draw
from worker.rl.losses import k3_kl
from worker.rl.types import Batch, Trajectory, UpdateStats
from worker.tensors.masking import masked_mean

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """How far the run is; part of every checkpoint."""

    rl_step: int = 0
    """Finished RL steps."""
    epoch: float = 0.0
    """Passes over the training split."""
    samples: int = 0
    """Responses collected."""
    tokens: int = 0
    """Response tokens collected."""
    seconds: float = 0.0
    """Training time over all attempts."""
    epoch_correct: int = 0
    """Right responses of the present epoch."""
    epoch_seen: int = 0
    """Responses of the present epoch."""

    def after(self, draw: Draw, trajectory: Trajectory, *, epoch: float) -> "Counters":
        """The counters after a step, but for the time."""
        num_correct = sum(reward.verdict.is_correct for reward in trajectory.rewards)
        fresh = replace(self, epoch_correct=0, epoch_seen=0) if draw.is_epoch_start else self
        return replace(
            fresh,
            rl_step=draw.rl_step,
            epoch=epoch,
            samples=self.samples + len(trajectory.rewards),
            tokens=self.tokens + int(trajectory.responses.num_tokens.sum()),
            epoch_correct=fresh.epoch_correct + num_correct,
            epoch_seen=fresh.epoch_seen + len(trajectory.rewards),
        )


class Stopwatch:
    """Laps of one RL step, in s."""

    def __init__(self) -> None:
        """Start."""
        self._lap_at = time.monotonic()
        self.laps: dict[str, float] = {}
        """Name to duration."""

    def lap(self, name: str) -> None:
        """End a lap and begin the next."""
        now = time.monotonic()
        self.laps[name] = now - self._lap_at
        self._lap_at = now


class Journal:
    """Writes what happened, in order, to the spool; announces checkpoints once they are durable."""

    def __init__(
        self, reporter: Reporter, *, total_rl_steps: int, counters: Counters, device: torch.device
    ) -> None:
        """Go on from the counters.

        Args:
            reporter: The spool.
            total_rl_steps: RL steps of the whole run.
            counters: Where the run stands.
            device: For the memory reading.
        """
        self._reporter = reporter
        self._total = total_rl_steps
        self._device = device
        self._started_at = time.monotonic() - counters.seconds
        self.counters = counters
        """Where the run stands."""

    def progress(self, phase: str) -> None:
        """Say what the trainer does now."""
        self._reporter.write(
            ProgressRecord(rl_step=self.counters.rl_step, total_rl_steps=self._total, phase=phase)
        )

    def log_step(
        self,
        batch: Batch,
        trajectory: Trajectory,
        stats: UpdateStats,
        watch: Stopwatch,
        counters: Counters,
    ) -> None:
        """Write a finished step: its metrics and its responses."""
        self.counters = replace(counters, seconds=time.monotonic() - self._started_at)
        metrics = step_metrics(trajectory, stats, self.counters) | health_metrics(
            watch, trajectory, self._device
        )
        for record in sample_records(batch, trajectory, self.counters.rl_step):
            self._reporter.write(record)
        self.log_metrics(metrics)
        self.progress("training")
        log.info(
            "step %d/%d  accuracy %.3f  reward %.3f  length %.1f  loss %.4f  %.1f s",
            self.counters.rl_step,
            self._total,
            metrics["training/accuracy"],
            metrics["reward/outcome"],
            metrics["response/num_tokens"],
            stats.loss,
            metrics["health/step_s"],
        )

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
        """Save the complete state, then announce it, then drop what is no longer kept."""
        self._reporter.sync()
        counters = replace(self.counters, seconds=time.monotonic() - self._started_at)
        state = {"counters": asdict(counters), "identity": dict(identity)}
        record = save_checkpoint(
            folder,
            rl_step=counters.rl_step,
            fence=fence,
            checkpoint=take_state(parameters, optimizer, state),
        )
        self._reporter.write(record)
        self._reporter.sync()
        remove_old(folder, cfg.keep)
        log.info("saved checkpoint %s (%d bytes)", record.name, record.size_bytes)


def step_metrics(
    trajectory: Trajectory, stats: UpdateStats, counters: Counters
) -> dict[str, float]:
    """Everything that a step logs, but for its times."""
    responses, mask = trajectory.responses, trajectory.response_mask
    count = len(trajectory.rewards)
    parts = {
        f"reward/{name}": sum(reward.parts[name] for reward in trajectory.rewards) / count
        for name in trajectory.rewards[0].parts
    }
    drift = (responses.rollout_logprobs - trajectory.policy_logprobs).abs()
    metrics = {
        "training/accuracy": parts["reward/accuracy"],
        "training/epoch_accuracy": counters.epoch_correct / counters.epoch_seen,
        "response/num_tokens": float(responses.num_tokens.float().mean()),
        "response/truncated_frac": float((~responses.is_finished).float().mean()),
        "reward/outcome": sum(reward.outcome for reward in trajectory.rewards) / count,
        "reward/judge_failed_frac": sum(r.verdict.has_failed for r in trajectory.rewards) / count,
        "policy/entropy": float(masked_mean(trajectory.entropy, mask)),
        "policy/rollout_drift": float(masked_mean(drift, mask)),
        "policy/loss": stats.loss,
        "policy/surrogate_loss": stats.surrogate_loss,
        "policy/clip_frac": stats.clip_frac,
        "policy/ratio": stats.ratio,
        "policy/grad_norm": stats.grad_norm,
        "policy/learning_rate": stats.learning_rate,
    }
    if stats.kl_loss is not None and trajectory.reference_logprobs is not None:
        kl = k3_kl(trajectory.policy_logprobs, trajectory.reference_logprobs)
        metrics |= {"policy/kl_loss": stats.kl_loss, "policy/kl": float(masked_mean(kl, mask))}
    return metrics | parts


def health_metrics(
    watch: Stopwatch, trajectory: Trajectory, device: torch.device
) -> dict[str, float]:
    """Times and memory of a step."""
    if device.type == "cuda":
        peak_bytes = torch.cuda.max_memory_allocated(device)
    else:
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    num_tokens = float(trajectory.responses.num_tokens.sum())
    return {
        "health/step_s": sum(watch.laps.values()),
        "health/collection_s": watch.laps["collection"],
        "health/trajectory_s": watch.laps["trajectory"],
        "health/update_s": watch.laps["update"],
        "health/tokens_per_s": num_tokens / watch.laps["collection"],
        "health/peak_memory_bytes": float(peak_bytes),
    }


def sample_records(batch: Batch, trajectory: Trajectory, rl_step: int) -> list[SampleRecord]:
    """The responses of a step, with their problems and rewards."""
    responses = trajectory.responses
    rows = zip(
        batch.items,
        responses.texts,
        responses.num_tokens.tolist(),
        responses.is_finished.tolist(),
        trajectory.rewards,
        strict=True,
    )
    return [
        SampleRecord(
            rl_step=rl_step,
            index=index,
            item_id=item.id,
            split="train",
            response=text,
            num_response_tokens=num_tokens,
            is_truncated=not is_finished,
            extracted_answer=reward.verdict.extracted_answer,
            is_correct=reward.verdict.is_correct,
            outcome_reward=reward.outcome,
            reward_parts=dict(reward.parts),
        )
        for index, (item, text, num_tokens, is_finished, reward) in enumerate(rows)
    ]
