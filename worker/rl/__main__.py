"""The trainer process of a run of the kind rl: `worker/attempt.py` says how it is called."""

import os
import sys
from contextlib import closing

import torch

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import RLConfig
from backend.contract.settings import Settings
from worker import attempt
from worker.data.datasets import load_split
from worker.data.sampler import Sampler
from worker.data.survey import survey
from worker.evaluation.subjects import control_subjects, load_subjects
from worker.generation.building import build_engine
from worker.identity import identity_of
from worker.journal import Journal
from worker.modeling.loading import (
    choose_device,
    copy_reference,
    load_policy,
    load_processor,
)
from worker.modeling.lora import choose_parameters
from worker.modeling.optimizer import build_optimizer
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
    start = find_start(folder.checkpoints, identity, is_forced=is_forced)
    with (
        closing(Reporter(folder.spool(fence))) as reporter,
        Judge(
            timeout_s=cfg.reward.judge_timeout_s,
            num_workers=cfg.reward.judge_workers,
            extra=permitted_rewards(cfg.reward, settings.reward_entry_points),
        ) as judge,
    ):
        job = build_job(home, folder, cfg, judge, fence=fence, start=start)
        counters = restore(start, job.parameters, job.optimizer)
        journal = Journal(
            reporter,
            total_rl_steps=job.sampler.total_rl_steps,
            counters=counters,
            device=job.models.policy.device,
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
    judge: Judge,
    *,
    fence: int,
    start: Start,
) -> Job:
    """Load models and data."""
    device = choose_device(cfg.device)
    torch.use_deterministic_algorithms(device.type == "cpu")
    model_folder, dataset = home.model(cfg.model), home.dataset(cfg.dataset)
    policy = load_policy(model_folder, device)
    parameters = choose_parameters(policy, cfg.trained, cfg.lora, seed=cfg.seed)
    reference = None
    if cfg.algorithm.kl_coefficient > 0:
        # With adapters, the reference is the policy with them off.
        reference = copy_reference(policy) if cfg.lora is None else policy
    processor = load_processor(
        model_folder, cfg.data.max_image_pixels, cache_bytes=cfg.data.picture_cache_bytes
    )
    engine = build_engine(cfg, policy, processor, model_folder)
    items, subjects = load_split(dataset, "train"), load_subjects(dataset)
    evaluated = [item for subject in subjects for item in subject.items]
    survey([*items, *evaluated], dataset, processor=processor, cfg=cfg.data)
    return Job(
        cfg=cfg,
        models=Models(policy=policy, reference=reference, processor=processor),
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
        tracer=Tracer(cfg, processor, folder, fence=fence),
        fence=fence,
        identity=start.identity,
        is_resumed=start.checkpoint is not None,
    )


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
