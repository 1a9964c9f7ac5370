"""The trainer process: `python -m worker.rl --home HOME --run RUN_ID --fence N`.

It talks to nobody: everything it reports goes to the run's spool. Exit status 0 means that the run
is complete; 1 that it cannot succeed, with the reason in the attempt's failure file.
"""

import argparse
import json
import logging
import os
import sys
from contextlib import closing
from pathlib import Path
from uuid import UUID

import torch
from transformers.utils.logging import disable_progress_bar

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import RLConfig
from backend.contract.errors import PlatformError
from backend.contract.settings import Settings
from worker.data.datasets import load_split
from worker.data.sampler import Sampler
from worker.data.survey import survey
from worker.evaluation.control import permute_pictures
from worker.evaluation.evaluate import Subject
from worker.generation.building import build_engine
from worker.identity import identity_of
from worker.journal import Journal
from worker.modeling.freezing import freeze_parts
from worker.modeling.loading import (
    choose_device,
    copy_reference,
    load_policy,
    load_processor,
)
from worker.modeling.optimizer import build_optimizer
from worker.reporter import Reporter
from worker.resuming import Start, find_start, restore
from worker.rewards.entry_points import permitted_rewards
from worker.rewards.judge import Judge
from worker.rl.parity_gate import gate_items, pass_gate
from worker.rl.trace import Tracer
from worker.rl.train import Job, encode, train
from worker.rl.trajectory_generation import Models

log = logging.getLogger("worker.rl")
EVALUATED_SPLITS = ("validation", "test")


def main() -> int:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m worker.rl", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="MAYE_HOME, the state folder")
    parser.add_argument("--run", type=UUID, required=True, help="id of the run")
    parser.add_argument("--fence", type=int, required=True, help="the attempt's fence")
    parser.add_argument(
        "--force-resume", action="store_true", help="go on in spite of what has changed"
    )
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout
    )
    disable_progress_bar()
    home = Home(arguments.home.resolve())
    folder = home.run(arguments.run)
    try:
        run(home, folder, arguments.fence, is_forced=arguments.force_resume)
    except PlatformError as error:
        return give_up(folder, arguments.fence, error.code, error.message)
    except torch.OutOfMemoryError as error:
        return give_up(folder, arguments.fence, "out_of_memory", str(error))
    return 0


def give_up(folder: RunFolder, fence: int, code: str, message: str) -> int:
    """Say why the run cannot succeed.

    Returns:
        The exit status.
    """
    log.error("%s: %s", code, message)
    folder.failure(fence).parent.mkdir(parents=True, exist_ok=True)
    folder.failure(fence).write_text(json.dumps({"code": code, "message": message}))
    return 1


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
    parameters = freeze_parts(policy, cfg.trained)
    reference = copy_reference(policy) if cfg.algorithm.kl_coefficient > 0 else None
    processor = load_processor(
        model_folder, cfg.data.max_image_pixels, cache_bytes=cfg.data.picture_cache_bytes
    )
    engine = build_engine(cfg, policy, processor, model_folder)
    subjects = [
        Subject(split=split, pictures="own", items=load_split(dataset, split))
        for split in EVALUATED_SPLITS
        if (dataset / f"{split}.jsonl").exists()
    ]
    items = load_split(dataset, "train")
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
        controls=control_subjects(cfg, subjects),
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


def control_subjects(cfg: RLConfig, subjects: list[Subject]) -> list[Subject]:
    """Validation with permuted pictures, when it is asked for."""
    if not cfg.evaluation.permuted_control:
        return []
    return [
        Subject(split=s.split, pictures="permuted", items=permute_pictures(s.items))
        for s in subjects
        if s.split == "validation"
    ]


if __name__ == "__main__":
    sys.exit(main())
