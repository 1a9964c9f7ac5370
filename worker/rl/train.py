"""The loop: the paper's four steps, evaluation and checkpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.nn import Parameter
from torch.optim import AdamW

from backend.contract.config import RLConfig
from backend.contract.datasets import Item
from worker.data.sampler import Draw, Sampler
from worker.evaluation.fingerprint import fingerprint
from worker.evaluation.store import AnswerStore
from worker.evaluation.subjects import evaluate_subjects
from worker.evaluation.types import Examiner, Scheme, Subject
from worker.generation.engine import Engine
from worker.journal import Journal, Stopwatch
from worker.rewards.judging import Judging
from worker.rl import data_flow, policy_update, response_collection, trajectory_generation
from worker.rl.dynamic_sampling import replace_uninformative
from worker.rl.journal import counters_after, log_step, reflection_of_step
from worker.rl.trace import Tracer
from worker.rl.trajectory_generation import Models
from worker.rl.types import Answers, Progress
from worker.schedule import should_evaluate, should_save


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Everything that a run needs, built by `worker/rl/__main__.py`."""

    cfg: RLConfig
    """The resolved configuration."""
    models: Models
    """Policy, reference, processor."""
    engine: Engine
    """Draws responses."""
    judge: Judging
    """Decides answers."""
    optimizer: AdamW
    """Of the trained parameters."""
    parameters: Mapping[str, Parameter]
    """The trained parameters by name."""
    sampler: Sampler
    """The training split."""
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
    tracer: Tracer
    """Keeps steps tensor by tensor, where the configuration says so."""
    fence: int
    """The attempt."""
    identity: Mapping[str, Any]
    """What a resumed run must share (`worker/identity.py`)."""
    is_resumed: bool
    """True when the state came from a checkpoint."""


def train(job: Job, journal: Journal) -> None:
    """Run RL until the epochs are done (the paper's four steps)."""
    cfg, models, total = job.cfg, job.models, job.sampler.total_rl_steps
    if not job.is_resumed:
        if cfg.evaluation.at_start:
            evaluate_policy(job, journal, [*job.subjects, *job.controls])
        save(job, journal)
    for draw in job.sampler.draws_after(journal.counters.rl_step):
        watch = Stopwatch()
        batch = encode(job, draw.items)  # Step I: data flow
        watch.lap("data")
        responses = response_collection.collect(  # Step II: response collection
            job.engine, batch, cfg, rl_step=draw.rl_step
        )
        watch.lap("collection")
        answers = trajectory_generation.judge_responses(job.judge, batch, responses, cfg)
        if cfg.algorithm.samples_dynamically:
            answers = resample(job, answers, draw)
            watch.lap("collection")
        trajectory = trajectory_generation.build(models, answers, cfg)  # Step III
        watch.lap("trajectory")
        traced = job.tracer.observe(draw.rl_step)
        stats = policy_update.apply(  # Step IV: policy update
            models,
            job.optimizer,
            trajectory,
            cfg,
            progress=Progress(rl_step=draw.rl_step, total_rl_steps=total),
            on_rows=traced.on_rows,
        )
        job.engine.load_weights(models.policy)
        watch.lap("update")
        if models.devices.is_first:
            job.tracer.save(traced, trajectory, stats, rl_step=draw.rl_step, notice=journal.notice)

        epoch = draw.rl_step / job.sampler.rl_steps_per_epoch
        counters = counters_after(journal.counters, draw, trajectory, epoch=epoch)
        log_step(journal, answers, trajectory, stats, watch, counters)
        journal.log_metrics(reflection_of_step(trajectory, cfg.reflection))
        journal.log_metrics(models.processor.pictures.metrics())
        if should_evaluate(draw, cfg.evaluation, total):
            controls = job.controls if draw.rl_step == total else []
            evaluate_policy(job, journal, [*job.subjects, *controls])
        if should_save(draw, cfg.checkpoint, journal):
            save(job, journal)


def encode(job: Job, items: Sequence[Item]) -> data_flow.Batch:
    """The prompts of some problems of the job's data set."""
    return data_flow.encode(
        items,
        folder=job.dataset,
        policy=job.models.policy,
        processor=job.models.processor,
        cfg=job.cfg.data,
    )


def resample(job: Job, answers: Answers, draw: Draw) -> Answers:
    """The step's answers with uninformative prompts replaced, as far as the bound allows."""

    def answer(items: Sequence[Item]) -> Answers:
        batch = encode(job, items)
        responses = response_collection.collect(job.engine, batch, job.cfg, rl_step=draw.rl_step)
        return trajectory_generation.judge_responses(job.judge, batch, responses, job.cfg)

    return replace_uninformative(
        answers,
        answer=answer,
        encode=lambda items: encode(job, items),
        candidates=job.sampler.replacements(draw),
        max_rounds=job.cfg.algorithm.dynamic_sampling_rounds,
    )


def evaluate_policy(job: Job, journal: Journal, subjects: Sequence[Subject]) -> None:
    """Evaluate the present policy and log what was found, subject by subject."""
    cfg, models = job.cfg, job.models
    examiner = Examiner(
        engine=job.engine,
        judge=job.judge,
        encode=lambda items: encode(job, items).prompts,
        store=job.answers,
        weights=fingerprint(models.policy, models.devices),
    )
    scheme = Scheme(evaluation=cfg.evaluation, reward=cfg.reward, reflection=cfg.reflection)
    evaluate_subjects(examiner, subjects, scheme, journal)


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
