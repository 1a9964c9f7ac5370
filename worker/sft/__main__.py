"""The trainer process of a run of the kind sft: `worker/attempt.py` says how it is called."""

import os
import sys
from contextlib import ExitStack, closing

import torch

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import SFTConfig
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
from worker.modeling.loading import choose_device, load_policy, load_processor
from worker.modeling.lora import choose_parameters
from worker.modeling.optimizer import build_optimizer
from worker.parallel.devices import Devices
from worker.parallel.sharding import shard
from worker.parallel.shared import SharedEngine, SharedJudge
from worker.reporter import Reporter
from worker.resuming import Start, find_start, restore
from worker.rewards.entry_points import permitted_rewards
from worker.rewards.judge import Judge
from worker.sft.packing import check_packing
from worker.sft.targets import survey_solutions
from worker.sft.train import Job, train


def run(home: Home, folder: RunFolder, fence: int, *, is_forced: bool = False) -> None:
    """Train a run from its newest checkpoint, or from the start.

    Raises:
        PlatformError: the run cannot succeed.
    """
    cfg = SFTConfig.model_validate_json(folder.config.read_text())
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
        journal = Journal(
            reporter,
            total_rl_steps=job.sampler.total_rl_steps,
            counters=restore(start, job.parameters, job.optimizer),
            device=devices.device,
            is_first=devices.is_first,
        )
        journal.progress("starting")
        for notice in start.notices:
            journal.notice(notice)
        job.engine.load_weights(job.policy)
        train(job, journal)
        journal.progress("finished")


def build_job(
    home: Home, folder: RunFolder, cfg: SFTConfig, judge: SharedJudge, *, fence: int, start: Start
) -> Job:
    """Load model and data, and refuse what cannot be learnt from."""
    devices = judge.devices
    torch.use_deterministic_algorithms(devices.device.type == "cpu")
    model_folder, dataset = home.model(cfg.model), home.dataset(cfg.dataset)
    policy = load_policy(model_folder, devices.device)
    if cfg.supervised.packing:
        check_packing(policy)
    parameters = choose_parameters(policy, cfg.trained, cfg.lora, seed=cfg.seed)
    processor = load_processor(
        model_folder, cfg.data.max_image_pixels, cache_bytes=cfg.data.picture_cache_bytes
    )
    engine = build_engine(cfg, policy, processor, model_folder)
    if devices.count > 1:
        shard(policy, devices, vision=vision_modules(policy), precision=cfg.precision)
        parameters = {name: p for name, p in policy.named_parameters() if p.requires_grad}
        engine = SharedEngine(engine, devices, processor, decodes_with=policy)
    items, subjects = load_split(dataset, "train"), load_subjects(dataset)
    survey_solutions(items, dataset, processor=processor, cfg=cfg)
    evaluated = [item for subject in subjects for item in subject.items]
    survey(evaluated, dataset, processor=processor, cfg=cfg.data)
    return Job(
        cfg=cfg,
        policy=policy,
        processor=processor,
        devices=devices,
        engine=engine,
        judge=judge,
        optimizer=build_optimizer(parameters.values(), cfg.optimizer),
        parameters=parameters,
        sampler=Sampler(
            items,
            batch_size=cfg.supervised.samples_per_update,
            epochs=cfg.epochs,
            seed=cfg.seed,
            size_field="samples_per_update",
        ),
        subjects=subjects,
        controls=control_subjects(cfg.evaluation, subjects),
        dataset=dataset,
        checkpoints=folder.checkpoints,
        answers=AnswerStore(folder.answers, start.identity, devices),
        fence=fence,
        identity=start.identity,
        is_resumed=start.checkpoint is not None,
    )


if __name__ == "__main__":
    sys.exit(attempt.main("worker.sft", run))
