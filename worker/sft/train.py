"""The loop of supervised fine-tuning: sibling of the RL loop, with solutions for rewards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch.nn import Parameter
from torch.optim import AdamW
from transformers import PreTrainedModel

from backend.contract.config import SFTConfig
from backend.contract.datasets import Item
from worker.data.encoding import encode_prompts
from worker.data.sampler import Draw, Sampler
from worker.evaluation.fingerprint import fingerprint
from worker.evaluation.store import AnswerStore
from worker.evaluation.subjects import evaluate_subjects
from worker.evaluation.types import Examiner, Scheme, Subject
from worker.generation.engine import Engine
from worker.journal import Counters, Journal, Stopwatch
from worker.modeling.loading import Processor
from worker.parallel.devices import Devices
from worker.rewards.judging import Judging
from worker.schedule import should_evaluate, should_save
from worker.sft import targets, update
from worker.sft.targets import Batch
from worker.sft.update import Learner, UpdateStats


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Everything that a run needs, built by `worker/sft/__main__.py`."""

    cfg: SFTConfig
    """The resolved configuration."""
    policy: PreTrainedModel
    """The model being trained."""
    processor: Processor
    """Tokenizer and image processor."""
    devices: Devices
    """All devices that share the policy."""
    engine: Engine
    """Draws the responses of evaluations."""
    judge: Judging
    """Decides answers."""
    optimizer: AdamW
    """Of the trained parameters."""
    parameters: Mapping[str, Parameter]
    """The trained parameters by name."""
    sampler: Sampler
    """The training split; a step is one update."""
    subjects: Sequence[Subject]
    """What is evaluated every few epochs."""
    controls: Sequence[Subject]
    """What is evaluated before training and at the end only."""
    dataset: Path
    """Folder of the imported data set."""
    checkpoints: Path
    """Folder of the run's checkpoints."""
    answers: AnswerStore
    """Answers of evaluations that an earlier attempt has judged."""
    fence: int
    """The attempt."""
    identity: Mapping[str, Any]
    """What a resumed run must share (`worker/identity.py`)."""
    is_resumed: bool
    """True when the state came from a checkpoint."""


def train(job: Job, journal: Journal) -> None:
    """Learn the solutions until the epochs are done."""
    cfg, total = job.cfg, job.sampler.total_rl_steps
    learner = Learner(policy=job.policy, optimizer=job.optimizer, devices=job.devices)
    if not job.is_resumed:
        if cfg.evaluation.at_start:
            evaluate_policy(job, journal, [*job.subjects, *job.controls])
        save(job, journal)
    for draw in job.sampler.draws_after(journal.counters.rl_step):
        watch = Stopwatch()
        batch = encode(job, draw.items)  # problems and solutions to tokens
        watch.lap("data")
        stats = update.apply(  # one update
            learner, batch, cfg, step=draw.rl_step, total_steps=total
        )
        watch.lap("update")

        log_step(job, journal, draw, batch, stats, watch)
        if should_evaluate(draw, cfg.evaluation, total):
            job.engine.load_weights(job.policy)
            controls = job.controls if draw.rl_step == total else []
            evaluate_policy(job, journal, [*job.subjects, *controls])
        if should_save(draw, cfg.checkpoint, journal):
            save(job, journal)


def encode(job: Job, items: Sequence[Item]) -> Batch:
    """The prompts and solutions of some problems of the job's data set."""
    return targets.encode(
        items, folder=job.dataset, policy=job.policy, processor=job.processor, cfg=job.cfg
    )


def evaluate_policy(job: Job, journal: Journal, subjects: Sequence[Subject]) -> None:
    """Evaluate the present model; evaluated problems need no solution."""
    cfg = job.cfg
    examiner = Examiner(
        engine=job.engine,
        judge=job.judge,
        encode=lambda items: encode_prompts(
            items, folder=job.dataset, policy=job.policy, processor=job.processor, cfg=cfg.data
        ),
        store=job.answers,
        weights=fingerprint(job.policy, job.devices),
    )
    scheme = Scheme(evaluation=cfg.evaluation, reward=cfg.reward, reflection=cfg.reflection)
    evaluate_subjects(examiner, subjects, scheme, journal)


def log_step(
    job: Job, journal: Journal, draw: Draw, batch: Batch, stats: UpdateStats, watch: Stopwatch
) -> None:
    """Write a finished update."""
    counters = counters_after(journal.counters, draw, batch, job.sampler)
    journal.log_step(
        counters,
        {
            "training/sft_loss": stats.loss,
            "training/filled_frac": stats.filled_frac,
            "policy/grad_norm": stats.grad_norm,
            "policy/learning_rate": stats.learning_rate,
            "health/step_s": sum(watch.laps.values()),
            "health/update_s": watch.laps["update"],
            **job.processor.pictures.metrics(),
        },
    )


def counters_after(counters: Counters, draw: Draw, batch: Batch, sampler: Sampler) -> Counters:
    """The counters after an update, but for the time."""
    return replace(
        counters,
        rl_step=draw.rl_step,
        epoch=draw.rl_step / sampler.rl_steps_per_epoch,
        samples=counters.samples + len(batch.items),
        tokens=counters.tokens + int(batch.target_mask.sum()),
    )


def save(job: Job, journal: Journal) -> None:
    """Save the complete state; no attempt will evaluate the steps up to it again."""
    journal.save(
        job.checkpoints,
        job.cfg.checkpoint,
        fence=job.fence,
        parameters=job.parameters,
        optimizer=job.optimizer,
        identity=job.identity,
    )
    job.answers.forget(journal.counters.rl_step)
