"""The process of a run of the kind evaluation: `worker/attempt.py` says how it is called.

A model, or a checkpoint of another run, is evaluated by what evaluates policies in training. Every
chunk of judged answers is kept, so that an attempt goes on where the one before was killed.
"""

import os
import sys
from contextlib import closing
from dataclasses import dataclass

import torch

from backend.contract.artifacts import Home, RunFolder
from backend.contract.config import EvaluationRunConfig
from backend.contract.settings import Settings
from worker import attempt
from worker.data.encoding import encode_prompts
from worker.data.survey import survey
from worker.evaluation.fingerprint import fingerprint
from worker.evaluation.store import AnswerStore
from worker.evaluation.subjects import control_subjects, evaluate_subjects, subject_of
from worker.evaluation.trained import load_evaluated
from worker.evaluation.types import Examiner, Scheme, Subject
from worker.generation.building import build_engine
from worker.identity import identity_of
from worker.journal import Counters, Journal
from worker.modeling.loading import choose_device, load_processor
from worker.parallel.devices import Devices
from worker.reporter import Reporter
from worker.rewards.entry_points import permitted_rewards
from worker.rewards.judge import Judge


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Everything that an evaluation needs."""

    examiner: Examiner
    """Asks, decides and remembers."""
    subjects: list[Subject]
    """The problems."""
    counters: Counters
    """How far the evaluated policy's training was."""
    device: torch.device
    """Where it computes."""


def run(home: Home, folder: RunFolder, fence: int, *, is_forced: bool = False) -> None:
    """Evaluate, but for what an earlier attempt has judged.

    Args:
        home: The installation.
        folder: The run's files.
        fence: The attempt.
        is_forced: Of no consequence: answers of other settings or code are made anew in any case.

    Raises:
        PlatformError: the run cannot succeed.
    """
    cfg = EvaluationRunConfig.model_validate_json(folder.config.read_text())
    settings = Settings.from_environment(os.environ)
    torch.manual_seed(cfg.seed)
    with (
        closing(Reporter(folder.spool(fence))) as reporter,
        Judge(
            timeout_s=cfg.reward.judge_timeout_s,
            num_workers=cfg.reward.judge_workers,
            extra=permitted_rewards(cfg.reward, settings.reward_entry_points),
        ) as judge,
    ):
        job = build_job(home, folder, cfg, judge)
        journal = Journal(
            reporter,
            total_rl_steps=job.counters.rl_step,
            counters=job.counters,
            device=job.device,
        )
        journal.progress("starting")
        scheme = Scheme(evaluation=cfg.evaluation, reward=cfg.reward, reflection=cfg.reflection)
        evaluate_subjects(job.examiner, job.subjects, scheme, journal)
        journal.progress("finished")


def build_job(home: Home, folder: RunFolder, cfg: EvaluationRunConfig, judge: Judge) -> Job:
    """Load model and data, and refuse what cannot be evaluated."""
    device = choose_device(cfg.device)
    torch.use_deterministic_algorithms(device.type == "cpu")
    model_folder, dataset = home.model(cfg.model), home.dataset(cfg.dataset)
    splits = [subject_of(dataset, split) for split in cfg.splits]
    processor = load_processor(
        model_folder, cfg.data.max_image_pixels, cache_bytes=cfg.data.picture_cache_bytes
    )
    items = [item for subject in splits for item in subject.items]
    survey(items, dataset, processor=processor, cfg=cfg.data)
    policy, counters = load_evaluated(home, cfg, device)
    policy.requires_grad_(False)
    engine = build_engine(cfg, policy, processor, model_folder)
    engine.load_weights(policy)
    devices = Devices.alone(device)
    examiner = Examiner(
        engine=engine,
        judge=judge,
        encode=lambda items: encode_prompts(
            items, folder=dataset, policy=policy, processor=processor, cfg=cfg.data
        ),
        store=AnswerStore(
            folder.answers, identity_of(cfg, model_folder, dataset, device=device), devices
        ),
        weights=fingerprint(policy, devices),
    )
    return Job(
        examiner=examiner,
        subjects=[*splits, *control_subjects(cfg.evaluation, splits)],
        counters=counters,
        device=device,
    )


if __name__ == "__main__":
    sys.exit(attempt.main("worker.evaluation", run))
