"""Which parameters are trained: whole parts of the model, the others frozen bit for bit."""

import logging

from torch.nn import Module, Parameter
from transformers import PreTrainedModel

from backend.contract.config import TrainedPartsConfig
from backend.contract.errors import ModelInvalidError
from worker.modeling.families import Family, family_of

log = logging.getLogger(__name__)


def freeze_parts(policy: PreTrainedModel, cfg: TrainedPartsConfig) -> dict[str, Parameter]:
    """Freeze every part that is not trained.

    Where the output projection is the embedding itself (tied), it has no weights of its own and
    follows the language model.

    Args:
        policy: Model of any family.
        cfg: Which parts are trained.

    Returns:
        The trained parameters by name.

    Raises:
        ModelInvalidError: the model has not the part, or nothing is left to train.
    """
    family = family_of(policy)
    if family.vision is None and (cfg.vision_tower or cfg.connector):
        raise ModelInvalidError(
            "trained.vision_tower and trained.connector must be false: "
            f"{policy.config.model_type} reads text only"
        )
    trained = {}
    for name, parameter in policy.named_parameters():
        parameter.requires_grad_(getattr(cfg, part_of(name, family)))
        if parameter.requires_grad:
            trained[name] = parameter
    if cfg.lm_head != cfg.language_model and is_tied(policy):
        log.info(
            "lm_head is the embedding itself in this model: it follows trained.language_model (%s)",
            cfg.language_model,
        )
    if not trained:
        raise ModelInvalidError(
            f"nothing is trained: trained is {cfg.model_dump()} and the model's lm_head "
            f"{'is its embedding' if is_tied(policy) else 'is its own'}; set one part to true"
        )
    return trained


def part_of(name: str, family: Family) -> str:
    """The field of `TrainedPartsConfig` that decides over a parameter."""
    vision = family.vision
    if vision is not None and _is_inside(name, *vision.connectors):
        return "connector"
    if vision is not None and _is_inside(name, vision.tower):
        return "vision_tower"
    if _is_inside(name, family.lm_head):
        return "lm_head"
    assert _is_inside(name, family.language_model), f"{name} lies in no part of its family"
    return "language_model"


def _is_inside(name: str, *paths: str) -> bool:
    return any(name.startswith(f"{path}.") for path in paths)


def is_tied(model: PreTrainedModel) -> bool:
    """True when output projection and embedding are one matrix."""
    names = {name for name, _ in model.named_parameters()}
    return f"{family_of(model).lm_head}.weight" not in names


def vision_modules(model: PreTrainedModel) -> list[Module]:
    """The modules that read pictures: tower and connectors; none of a language model."""
    vision = family_of(model).vision
    if vision is None:
        return []
    return [model.get_submodule(path) for path in (vision.tower, *vision.connectors)]


def is_vision_trained(model: PreTrainedModel) -> bool:
    """True when what pictures become changes with the updates."""
    return any(p.requires_grad for module in vision_modules(model) for p in module.parameters())
