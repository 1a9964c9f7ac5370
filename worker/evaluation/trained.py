"""What an evaluation of its own evaluates: a model as it is, or with what a run has learnt."""

import logging
from dataclasses import replace

import torch
from transformers import PreTrainedModel

from backend.contract.artifacts import Home
from backend.contract.config import CheckpointChoice, EvaluationRunConfig
from backend.contract.errors import InvalidInputError
from worker.export import check_model, trained_config
from worker.journal import Counters
from worker.modeling.checkpoints import read_checkpoint
from worker.modeling.export import find_step, load_trained
from worker.modeling.loading import load_policy

log = logging.getLogger(__name__)


def load_evaluated(
    home: Home, cfg: EvaluationRunConfig, device: torch.device
) -> tuple[PreTrainedModel, Counters]:
    """The model to evaluate, and how far its training was.

    Raises:
        NotFoundError: the run or its checkpoint is not there.
        InvalidInputError: the checkpoint is of a run on another model.
        ModelInvalidError: the model that training started from has changed since.
        CheckpointCorruptError: the checkpoint is damaged.
    """
    if cfg.checkpoint is None:
        return load_policy(home.model(cfg.model), device), Counters()
    policy, counters = _load_checkpoint(home, cfg.model, cfg.checkpoint)
    return policy.to(device), counters  # pyright: ignore[reportArgumentType]


def _load_checkpoint(
    home: Home, model: str, choice: CheckpointChoice
) -> tuple[PreTrainedModel, Counters]:
    folder = home.run(choice.run)
    trained = trained_config(folder)
    if trained.model != model:
        raise InvalidInputError(
            f"run {choice.run} was trained from the model {trained.model}, the evaluation names "
            f"{model}"
        )
    path = find_step(folder.checkpoints, choice.rl_step)
    checkpoint = read_checkpoint(path)
    check_model(home.model(model), checkpoint.state["identity"])
    policy = load_trained(home.model(model), trained, checkpoint.weights)
    log.info("loaded checkpoint %s of run %s", path.name, choice.run)
    # Training time is the other run's: this one counts its own.
    return policy, replace(Counters(**checkpoint.state["counters"]), seconds=0.0)
