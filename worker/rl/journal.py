"""What a step of the RL loop tells the world: its metrics and its responses."""

import logging
from dataclasses import replace
from statistics import fmean

from backend.contract.config import ReflectionConfig
from backend.contract.messages import SampleRecord
from backend.contract.reflection import count_reflection, count_words
from worker.data.sampler import Draw
from worker.evaluation.measures import reflection_metrics
from worker.evaluation.repetition import is_empty, is_repeating
from worker.journal import Counters, Journal, Stopwatch
from worker.rewards.scoring import reward_metrics
from worker.rl.policy_metrics import policy_metrics
from worker.rl.types import Answers, Batch, Trajectory, UpdateStats

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
    answers: Answers,
    trajectory: Trajectory,
    stats: UpdateStats,
    watch: Stopwatch,
    counters: Counters,
) -> None:
    """Write a finished step: its metrics and its responses."""
    metrics = {
        **step_metrics(trajectory, counters),
        **policy_metrics(answers, trajectory, stats),
        **health_metrics(watch, trajectory),
    }
    records = sample_records(answers.batch, trajectory, counters.rl_step)
    journal.log_step(counters, metrics, records)
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


def step_metrics(trajectory: Trajectory, counters: Counters) -> dict[str, float]:
    """What a step logs of its responses and their rewards."""
    responses = trajectory.responses
    rewards = reward_metrics(trajectory.rewards)
    metrics = {
        "training/accuracy": rewards["reward/accuracy"],
        "training/epoch_accuracy": counters.epoch_correct / counters.epoch_seen,
        "response/num_tokens": float(responses.num_tokens.float().mean()),
        "response/truncated_frac": float((~responses.is_finished).float().mean()),
        "response/empty_frac": fmean(map(is_empty, responses.texts)),
        "response/repeating_frac": fmean(map(is_repeating, responses.texts)),
    }
    return metrics | rewards


def reflection_of_step(trajectory: Trajectory, cfg: ReflectionConfig) -> dict[str, float]:
    """Reflection in the responses of a step: every device has all of them, so counts are pooled."""
    counts = count_reflection(
        (count_words(text, cfg), reward.verdict.is_correct)
        for text, reward in zip(trajectory.responses.texts, trajectory.rewards, strict=True)
    )
    return reflection_metrics(counts, cfg.words)


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
