"""The trainer process of a run of the kind rl: `worker/attempt.py` says how it is called."""

import os
import sys
from contextlib import ExitStack, closing

import torch
from torch.nn import Parameter

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import RLConfig
from backend.contract.settings import Settings
from worker import attempt
from worker.data.datasets import load_split
from worker.data.sampler import Sampler
from worker.data.survey import survey
from worker.evaluation.store import AnswerStore
from worker.evaluation.subjects import control_subjects, load_subjects
from worker.generation.building import build_engine
from worker.identity import identity_of
from worker.journal import Journal
from worker.modeling.freezing import vision_modules
from worker.modeling.loading import (
    choose_device,
    copy_reference,
    load_policy,
    load_processor,
)
from worker.modeling.lora import choose_parameters
from worker.modeling.optimizer import build_optimizer
from worker.parallel.devices import Devices
from worker.parallel.sharding import shard
from worker.parallel.shared import SharedEngine, SharedJudge
from worker.reporter import Reporter
from worker.resuming import Start, find_start, restore
from worker.rewards.entry_points import permitted_rewards
from worker.rewards.judge import Judge
from worker.rl.parity_gate import gate_items, pass_gate
from worker.rl.trace import Tracer
from worker.rl.train import Job, encode, train
from worker.rl.trajectory_generation import Models


def run(home: Home, folder: RunFolder, fence: int, *, is_forced: bool = False) -> None:
    """Train a run from its newest checkpoint, or from the start.

    Raises:
        PlatformError: the run cannot succeed.
    """
    cfg = RLConfig.model_validate_json(folder.config.read_text())
    settings = Settings.from_environment(os.environ)
    torch.manual_seed(cfg.seed)
    identity = identity_of(
        cfg,
        home.model(cfg.model),
        home.dataset(cfg.dataset),
        device=choose_device(cfg.device),
        num_devices=cfg.parallel.devices,
    )
    with ExitStack() as stack:
        devices = stack.enter_context(
            closing(Devices.join(cfg.parallel, choose_device(cfg.device)))
        )
        start = devices.in_turn(
            lambda: find_start(folder.checkpoints, identity, is_forced=is_forced),
            "the choice of a checkpoint",
        )
        spool = folder.spool(fence) if devices.is_first else None
        reporter = stack.enter_context(closing(Reporter(spool)))
        judge = None
        if devices.is_first:
            judge = Judge(
                timeout_s=cfg.reward.judge_timeout_s,
                num_workers=cfg.reward.judge_workers,
                extra=permitted_rewards(cfg.reward, settings.reward_entry_points),
            )
            stack.enter_context(judge)
        shared = SharedJudge(judge, devices)
        job = build_job(home, folder, cfg, shared, fence=fence, start=start)
        counters = restore(start, job.parameters, job.optimizer)
        journal = Journal(
            reporter,
            total_rl_steps=job.sampler.total_rl_steps,
            counters=counters,
            device=devices.device,
            is_first=devices.is_first,
        )
        journal.progress("starting")
        for notice in start.notices:
            journal.notice(notice)
        open_gate(job, journal)
        train(job, journal)
        journal.progress("finished")


def build_job(
    home: Home,
    folder: RunFolder,
    cfg: RLConfig,
    judge: SharedJudge,
    *,
    fence: int,
    start: Start,
) -> Job:
    """Load models and data."""
    devices = judge.devices
    torch.use_deterministic_algorithms(devices.device.type == "cpu")
    model_folder, dataset = home.model(cfg.model), home.dataset(cfg.dataset)
    policy = load_policy(model_folder, devices.device)
    parameters = choose_parameters(policy, cfg.trained, cfg.lora, seed=cfg.seed)
    reference = None
    if cfg.algorithm.kl_coefficient > 0:
        # With adapters, the reference is the policy with them off.
        reference = copy_reference(policy) if cfg.lora is None else policy
    processor = load_processor(
        model_folder, cfg.data.max_image_pixels, cache_bytes=cfg.data.picture_cache_bytes
    )
    models = Models(policy=policy, reference=reference, processor=processor, devices=devices)
    engine = build_engine(cfg, policy, processor, model_folder)
    if devices.count > 1:
        parameters = share_models(models, cfg)
        engine = SharedEngine(
            engine,
            devices,
            processor,
            decodes_with=policy if cfg.engine.name == "transformers" else None,
        )
    items, subjects = load_split(dataset, "train"), load_subjects(dataset)
    evaluated = [item for subject in subjects for item in subject.items]
    survey([*items, *evaluated], dataset, processor=processor, cfg=cfg.data)
    return Job(
        cfg=cfg,
        models=models,
        engine=engine,
        judge=judge,
        optimizer=build_optimizer(parameters.values(), cfg.optimizer),
        parameters=parameters,
        sampler=Sampler(
            items,
            batch_size=cfg.algorithm.prompts_per_rl_step,
            epochs=cfg.epochs,
            seed=cfg.seed,
            size_field="responses_per_rl_step",
        ),
        subjects=subjects,
        controls=control_subjects(cfg.evaluation, subjects),
        dataset=dataset,
        checkpoints=folder.checkpoints,
        answers=AnswerStore(folder.answers, start.identity, devices),
        tracer=Tracer(cfg, processor, folder, fence=fence),
        fence=fence,
        identity=start.identity,
        is_resumed=start.checkpoint is not None,
    )


def share_models(models: Models, cfg: RLConfig) -> dict[str, Parameter]:
    """Shard policy and reference over the devices.

    Returns:
        The trained parameters by name, each a part on every device.
    """
    vision = [] if models.reference is None else vision_modules(models.reference)
    if models.reference is not None and models.reference is not models.policy:
        shard(models.reference, models.devices, vision=vision, precision=cfg.precision)
    policy = models.policy
    shard(policy, models.devices, vision=vision_modules(policy), precision=cfg.precision)
    return {name: p for name, p in policy.named_parameters() if p.requires_grad}


def open_gate(job: Job, journal: Journal) -> None:
    """Let the run start if engine and trainer agree on problems of its data set.

    A resumed attempt has to pass as well, but logs nothing: its curves are those of a run that was
    never interrupted.

    Raises:
        TrainingError: they disagree.
    """
    job.engine.load_weights(job.models.policy)
    items = gate_items(load_split(job.dataset, "train"), job.cfg.mismatch.gate_prompts)
    drift = pass_gate(
        job.engine,
        job.models,
        encode(job, items).prompts,
        job.cfg,
        rl_step=journal.counters.rl_step,
    )
    if not job.is_resumed:
        journal.log_metrics({"policy/gate_drift": drift})


if __name__ == "__main__":
    sys.exit(attempt.main("worker.rl", run))
