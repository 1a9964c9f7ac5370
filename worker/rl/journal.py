"""What a step of the RL loop tells the world: its metrics and its responses."""

import logging
from dataclasses import replace

from backend.contract.messages import SampleRecord
from worker.data.sampler import Draw
from worker.journal import Counters, Journal, Stopwatch
from worker.rl.losses import k3_kl
from worker.rl.types import Batch, Trajectory, UpdateStats
from worker.tensors.masking import masked_mean

log = logging.getLogger(__name__)


def counters_after(
    counters: Counters, draw: Draw, trajectory: Trajectory, *, epoch: float
) -> Counters:
    """The counters after a step, but for the time."""
    num_correct = sum(reward.verdict.is_correct for reward in trajectory.rewards)
    fresh = replace(counters, epoch_correct=0, epoch_seen=0) if draw.is_epoch_start else counters
    return replace(
        fresh,
        rl_step=draw.rl_step,
        epoch=epoch,
        samples=counters.samples + len(trajectory.rewards),
        tokens=counters.tokens + int(trajectory.responses.num_tokens.sum()),
        epoch_correct=fresh.epoch_correct + num_correct,
        epoch_seen=fresh.epoch_seen + len(trajectory.rewards),
    )


def log_step(
    journal: Journal,
    batch: Batch,
    trajectory: Trajectory,
    stats: UpdateStats,
    watch: Stopwatch,
    counters: Counters,
) -> None:
    """Write a finished step: its metrics and its responses."""
    metrics = step_metrics(trajectory, stats, counters) | health_metrics(watch, trajectory)
    journal.log_step(counters, metrics, sample_records(batch, trajectory, counters.rl_step))
    log.info(
        "step %d/%d  accuracy %.3f  reward %.3f  length %.1f  loss %.4f  %.1f s",
        counters.rl_step,
        journal.total_rl_steps,
        metrics["training/accuracy"],
        metrics["reward/outcome"],
        metrics["response/num_tokens"],
        stats.loss,
        metrics["health/step_s"],
    )


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


def health_metrics(watch: Stopwatch, trajectory: Trajectory) -> dict[str, float]:
    """Times of a step."""
    num_tokens = float(trajectory.responses.num_tokens.sum())
    return {
        "health/step_s": sum(watch.laps.values()),
        "health/collection_s": watch.laps["collection"],
        "health/trajectory_s": watch.laps["trajectory"],
        "health/update_s": watch.laps["update"],
        "health/tokens_per_s": num_tokens / watch.laps["collection"],
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
