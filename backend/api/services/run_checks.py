"""What a run asks of its model and data set, checked when it is submitted: refused by field.

Rules within the configuration are in `backend/contract/config/`; here are those that need to know
the model's files or the problems.
"""

from dataclasses import dataclass
from typing import Any, NoReturn, cast
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from backend.api.services.contamination import Overlap, find_overlap
from backend.api.services.field_errors import InvalidFieldError
from backend.contract.artifacts import Home
from backend.contract.config import EvaluationRunConfig, RLConfig, RunConfig, SFTConfig
from backend.database.tables import Checkpoint, Dataset, DatasetItem, Model, Run

_OBJECT = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model's config.json says that a run must respect."""

    max_positions: int | None
    """Most tokens of prompt and response together; None where the file leaves it to the class."""
    has_vision: bool
    """It reads pictures."""
    ties_head: bool
    """Its output projection is its embedding."""


def check_inputs(session: Session, config: RunConfig, home: Home) -> list[str]:
    """Refuse a run that cannot work with its model and its data set.

    Returns:
        What a reader of the run's results must know of its data.

    Raises:
        InvalidFieldError: names the field, and the rule with its numbers.
    """
    facts = _find_model(session, config, home)
    dataset_id = _find_dataset(session, config)
    _check_positions(config, facts)
    if config.kind != "evaluation":
        _check_parts(config, facts)
    _check_pictures(session, config, facts, dataset_id)
    if config.kind == "evaluation":
        _check_splits(session, config, dataset_id)
        overlaps = _check_checkpoint(session, config, home, dataset_id)
    else:
        _check_batches(session, config, dataset_id)
        overlaps = find_overlap(session, dataset_id)
    refusal = next((overlap.refusal for overlap in overlaps if overlap.refusal), None)
    if refusal is not None:
        _refuse(f"data set {config.dataset!r}: {refusal}", ("dataset",), config.dataset)
    return [overlap.warning for overlap in overlaps if overlap.warning]


def read_model_facts(content: dict[str, Any]) -> ModelFacts:
    """Facts of a config.json, whose text settings may lie in `text_config` or beside the others."""
    nested = content.get("text_config")
    text = {**content, **cast(dict[str, Any], nested)} if isinstance(nested, dict) else content
    positions = text.get("max_position_embeddings")
    return ModelFacts(
        max_positions=positions if isinstance(positions, int) else None,
        has_vision=isinstance(content.get("vision_config"), dict),
        ties_head=bool(content.get("tie_word_embeddings", text.get("tie_word_embeddings", False))),
    )


def _refuse(message: str, path: tuple[str | int, ...], got: object) -> NoReturn:
    raise InvalidFieldError(message, ("config", *path), repr(got))


def _find_model(session: Session, config: RunConfig, home: Home) -> ModelFacts:
    if session.scalar(sa.select(Model.id).where(Model.slug == config.model)) is None:
        _refuse(
            f"there is no model {config.model!r}: import it first, or choose one of /models",
            ("model",),
            config.model,
        )
    try:
        content = _OBJECT.validate_json((home.model(config.model) / "config.json").read_bytes())
    except (OSError, ValidationError):
        _refuse(
            f"the files of model {config.model!r} are gone or damaged: import it again",
            ("model",),
            config.model,
        )
    return read_model_facts(content)


def _find_dataset(session: Session, config: RunConfig) -> UUID:
    whole = sa.select(Dataset.id).where(Dataset.is_partial.is_(False))
    dataset_id = session.scalar(whole.where(Dataset.slug == config.dataset))
    if dataset_id is None:
        _refuse(
            f"there is no data set {config.dataset!r}: import it first, or choose one of /datasets",
            ("dataset",),
            config.dataset,
        )
    return dataset_id


def _check_positions(config: RunConfig, facts: ModelFacts) -> None:
    """A model knows only so many positions; beyond them it writes nonsense without an error."""
    prompt = config.data.max_prompt_tokens
    rule = f"data.max_prompt_tokens ({prompt}) and {{field}} ({{value}}) together"
    lengths = {("evaluation", "max_response_tokens"): prompt}
    if config.kind == "rl":
        lengths[("sampling", "max_response_tokens")] = prompt
    elif config.kind == "sft":
        lengths[("supervised", "max_tokens")] = 0
    for path, before in lengths.items():
        field, value = ".".join(path), int(getattr(getattr(config, path[0]), path[1]))
        what = rule.format(field=field, value=value) if before else f"{field} ({value})"
        if facts.max_positions is not None and before + value > facts.max_positions:
            _refuse(
                f"{what} must be at most {facts.max_positions}, the positions of model "
                f"{config.model!r} (max_position_embeddings); got {before + value}",
                path,
                value,
            )


def _check_parts(config: RLConfig | SFTConfig, facts: ModelFacts) -> None:
    """What is to be trained must be there, and be a part of its own."""
    trained = config.trained
    for part in ("vision_tower", "connector"):
        if getattr(trained, part) and not facts.has_vision:
            _refuse(
                f"trained.{part} is set, but model {config.model!r} reads text only",
                ("trained", part),
                True,
            )
    others = trained.vision_tower or trained.connector or trained.language_model
    if facts.ties_head and not others:
        _refuse(
            f"nothing would be trained: the lm_head of model {config.model!r} is its embedding, "
            "and follows trained.language_model (false)",
            ("trained", "lm_head"),
            trained.lm_head,
        )


def _check_pictures(
    session: Session, config: RunConfig, facts: ModelFacts, dataset_id: UUID
) -> None:
    """A model that reads text only would answer without having seen the problem."""
    query = sa.select(DatasetItem.row, DatasetItem.split).where(
        DatasetItem.dataset_id == dataset_id, DatasetItem.image_sha256.is_not(None)
    )
    first = None if facts.has_vision else session.execute(query.limit(1)).first()
    if first is not None:
        _refuse(
            f"row {first.row} of split {first.split} of data set {config.dataset!r} has a picture, "
            f"but model {config.model!r} reads text only",
            ("dataset",),
            config.dataset,
        )


def _check_batches(session: Session, config: RLConfig | SFTConfig, dataset_id: UUID) -> None:
    """A step draws different problems: the training split must have enough of them."""
    rows = sa.select(DatasetItem.row).where(
        DatasetItem.dataset_id == dataset_id, DatasetItem.split == "train"
    )
    num_rows = session.scalar(sa.select(sa.func.count()).select_from(rows.subquery())) or 0
    if num_rows == 0:
        _refuse(
            f"data set {config.dataset!r} has no split train, which training needs",
            ("dataset",),
            config.dataset,
        )
    if config.kind == "sft":
        _check_solutions(session, config, rows)
        _check_update(config, num_rows)
    else:
        _check_step(config, num_rows)


def _check_step(config: RLConfig, num_rows: int) -> None:
    algorithm = config.algorithm
    if algorithm.prompts_per_rl_step > num_rows:
        _refuse(
            f"algorithm.responses_per_rl_step ({algorithm.responses_per_rl_step}) must be at most "
            f"the {num_rows} problems of split train times algorithm.responses_per_prompt "
            f"({algorithm.responses_per_prompt})",
            ("algorithm", "responses_per_rl_step"),
            algorithm.responses_per_rl_step,
        )


def _check_update(config: SFTConfig, num_rows: int) -> None:
    if config.supervised.samples_per_update > num_rows:
        _refuse(
            f"supervised.samples_per_update ({config.supervised.samples_per_update}) must be at "
            f"most the {num_rows} problems of split train",
            ("supervised", "samples_per_update"),
            config.supervised.samples_per_update,
        )


def _check_solutions(session: Session, config: SFTConfig, rows: sa.Select[int]) -> None:
    without = rows.where(DatasetItem.solution.is_(None)).order_by(DatasetItem.row)
    row = session.scalar(without.limit(1))
    if row is not None:
        _refuse(
            f"row {row} of split train of data set {config.dataset!r} has no solution, which "
            "supervised fine-tuning needs for every problem",
            ("dataset",),
            config.dataset,
        )


def _check_splits(session: Session, config: EvaluationRunConfig, dataset_id: UUID) -> None:
    """Each split has problems."""
    query = sa.select(DatasetItem.split).where(DatasetItem.dataset_id == dataset_id).distinct()
    present = set(session.scalars(query))
    for index, split in enumerate(config.splits):
        if split not in present:
            _refuse(
                f"data set {config.dataset!r} has no problems in split {split} "
                f"(it has {', '.join(sorted(present))})",
                ("splits", index),
                split,
            )


def _check_checkpoint(
    session: Session, config: EvaluationRunConfig, home: Home, dataset_id: UUID
) -> tuple[Overlap, ...]:
    """The checkpoint is there, of this model; and its run was not trained on these problems."""
    choice = config.checkpoint
    if choice is None:
        return ()
    run = session.get(Run, choice.run)
    if run is None:
        _refuse(f"there is no run {choice.run}", ("checkpoint", "run"), str(choice.run))
    if run.is_imported:
        _refuse(
            f"run {choice.run} was opened from an archive, which holds no weights: evaluate it on "
            "the platform that carried it out",
            ("checkpoint", "run"),
            str(choice.run),
        )
    saved = session.scalars(
        sa.select(Checkpoint).where(Checkpoint.run_id == choice.run).order_by(Checkpoint.rl_step)
    ).all()
    there = [one for one in saved if (home.run(choice.run).checkpoints / one.name).is_dir()]
    if choice.rl_step not in {checkpoint.rl_step for checkpoint in there}:
        steps = ", ".join(str(step) for step in sorted({one.rl_step for one in there})) or "none"
        _refuse(
            f"run {choice.run} has no checkpoint of step {choice.rl_step} on disk "
            f"(it has of steps: {steps})",
            ("checkpoint", "rl_step"),
            choice.rl_step,
        )
    if run.model != config.model:
        _refuse(
            f"model must be {run.model!r}, which run {choice.run} started from",
            ("model",),
            config.model,
        )
    trained_on = session.scalars(sa.select(Dataset.id).where(Dataset.slug == run.dataset)).one()
    if trained_on == dataset_id:
        held_out = [split for split in config.splits if split != "train"]
        return find_overlap(session, dataset_id, splits=held_out)
    source = f"train of data set {run.dataset!r}, which the checkpoint was trained on"
    return find_overlap(
        session, dataset_id, splits=config.splits, trained_on=trained_on, source=source
    )
