"""The trainer process: `python -m worker.rl --home HOME --run RUN_ID --fence N`.

It talks to nobody: everything it reports goes to the run's spool. Exit status 0 means that the run
is complete; 1 that it cannot succeed, with the reason in the attempt's failure file.
"""

import argparse
import hashlib
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
from backend.contract.errors import PlatformError, TrainingError
from backend.contract.settings import Settings
from worker.data.datasets import load_split
from worker.data.sampler import Sampler
from worker.evaluation.control import permute_pictures
from worker.evaluation.evaluate import Subject
from worker.generation.building import build_engine
from worker.journal import Counters, Journal
from worker.modeling.checkpoints import Checkpoint, hash_file, load_newest, restore_state
from worker.modeling.freezing import freeze_parts
from worker.modeling.loading import (
    choose_device,
    copy_reference,
    load_policy,
    load_processor,
)
from worker.modeling.optimizer import build_optimizer
from worker.reporter import Reporter
from worker.rewards.entry_points import permitted_rewards
from worker.rewards.judge import Judge
from worker.rl.parity_gate import gate_items, pass_gate
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
    arguments = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout
    )
    disable_progress_bar()
    home = Home(arguments.home.resolve())
    folder = home.run(arguments.run)
    try:
        run(home, folder, arguments.fence)
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


def run(home: Home, folder: RunFolder, fence: int) -> None:
    """Train a run from its newest checkpoint, or from the start.

    Raises:
        PlatformError: the run cannot succeed.
    """
    cfg = RLConfig.model_validate_json(folder.config.read_text())
    settings = Settings.from_environment(os.environ)
    torch.manual_seed(cfg.seed)
    checkpoint, problems = load_newest(folder.checkpoints)
    for problem in problems:
        log.warning("%s; the checkpoint before it is used", problem)
    with (
        closing(Reporter(folder.spool(fence))) as reporter,
        Judge(
            timeout_s=cfg.reward.judge_timeout_s,
            num_workers=cfg.reward.judge_workers,
            extra=permitted_rewards(cfg.reward, settings.reward_entry_points),
        ) as judge,
    ):
        job = build_job(home, folder, cfg, judge, fence=fence, checkpoint=checkpoint)
        counters = Counters()
        if checkpoint is not None:
            restore_state(job.parameters, job.optimizer, checkpoint)
            counters = Counters(**checkpoint.state["counters"])
            log.info("resumed after step %d", counters.rl_step)
        journal = Journal(
            reporter,
            total_rl_steps=job.sampler.total_rl_steps,
            counters=counters,
            device=job.models.policy.device,
        )
        journal.progress("starting")
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
    checkpoint: Checkpoint | None,
) -> Job:
    """Load models and data, and check that a checkpoint belongs to them."""
    device = choose_device(cfg.device)
    torch.use_deterministic_algorithms(device.type == "cpu")
    model_folder, dataset = home.model(cfg.model), home.dataset(cfg.dataset)
    identity = identity_of(cfg, model_folder, dataset)
    if checkpoint is not None:
        check_identity(identity, checkpoint.state["identity"])
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
    return Job(
        cfg=cfg,
        models=Models(policy=policy, reference=reference, processor=processor),
        engine=engine,
        judge=judge,
        optimizer=build_optimizer(parameters.values(), cfg.optimizer),
        parameters=parameters,
        sampler=Sampler(
            load_split(dataset, "train"),
            batch_size=cfg.algorithm.prompts_per_rl_step,
            epochs=cfg.epochs,
            seed=cfg.seed,
            size_field="responses_per_rl_step",
        ),
        subjects=subjects,
        controls=control_subjects(cfg, subjects),
        dataset=dataset,
        checkpoints=folder.checkpoints,
        fence=fence,
        identity=identity,
        is_resumed=checkpoint is not None,
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


def identity_of(cfg: RLConfig, model_folder: Path, dataset: Path) -> dict[str, str]:
    """Hashes of what decides the run: a checkpoint of other ones must not be resumed."""
    config = hashlib.sha256(cfg.model_dump_json().encode()).hexdigest()
    identity = {"config": config}
    for path in (*sorted(model_folder.glob("*.safetensors")), *sorted(dataset.glob("*.jsonl"))):
        identity[path.name] = hash_file(path)
    return identity


def check_identity(now: dict[str, str], saved: dict[str, str]) -> None:
    """Refuse a checkpoint of another configuration, model or data set.

    Raises:
        TrainingError: names what differs.
    """
    different = sorted(
        name for name in now.keys() | saved.keys() if now.get(name) != saved.get(name)
    )
    if different:
        raise TrainingError(
            f"the checkpoint was made with another {', '.join(different)}: it cannot be resumed"
        )


if __name__ == "__main__":
    sys.exit(main())
