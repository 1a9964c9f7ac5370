"""What an experiment asks of its models and data sets, checked when it is created.

Rules within the specification are in `backend/contract/experiments.py`; here are those that need
the library. Each combination of model, data set and setting is checked as its runs would be, and
refused under the path that the field has in the experiment's request.
"""

from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.field_errors import InvalidFieldError
from backend.api.services.run_checks import check_inputs
from backend.contract.artifacts import Home
from backend.contract.config import EvaluationRunConfig
from backend.contract.experiments import ExperimentSpec
from backend.database.tables import Dataset, DatasetItem

HELD_OUT = ("validation", "test")


def check_experiment(session: Session, spec: ExperimentSpec, home: Home) -> list[str]:
    """Refuse an experiment that cannot work with its models and its data sets.

    Returns:
        What a reader of the report must know of the data, each once.

    Raises:
        InvalidFieldError: names the field, and the rule with its numbers.
    """
    warnings: dict[str, None] = {}
    for dataset_index, dataset in enumerate(spec.datasets):
        _check_held_out(session, spec, dataset_index)
        for model_index, model in enumerate(spec.models):
            for setting_index, setting in enumerate(spec.settings):
                config = spec.build_config(setting, model, dataset, spec.seeds[0])
                try:
                    found = check_inputs(session, config, home)
                except InvalidFieldError as error:
                    indices = {"model": model_index, "dataset": dataset_index}
                    _refuse_at(error, indices, setting_index)
                warnings |= dict.fromkeys(f"{dataset}: {warning}" for warning in found)
    return list(warnings)


def _refuse_at(error: InvalidFieldError, indices: dict[str, int], setting_index: int) -> NoReturn:
    """Refuse again, with the path from the experiment's request."""
    _, field, *rest = error.path
    if field in indices:
        path: tuple[str | int, ...] = (f"{field}s", indices[str(field)])
    else:
        path = ("settings", setting_index, "config", field, *rest)
    raise InvalidFieldError(error.message, path, error.got) from error


def _check_held_out(session: Session, spec: ExperimentSpec, dataset_index: int) -> None:
    """Every setting is compared on the same splits, so each of them must have problems.

    A data set that has none at all is left to the checks of runs, which say that it is absent.
    """
    dataset = spec.datasets[dataset_index]
    splits: tuple[str, ...] = HELD_OUT
    if spec.vanilla is not None:
        vanilla = spec.build_config(spec.vanilla, spec.models[0], dataset, 0)
        assert isinstance(vanilla, EvaluationRunConfig)
        splits = vanilla.splits
    query = (
        sa.select(DatasetItem.split)
        .join(Dataset, Dataset.id == DatasetItem.dataset_id)
        .where(Dataset.slug == dataset)
        .distinct()
    )
    present = set(session.scalars(query))
    for split in splits:
        if present and split not in present:
            raise InvalidFieldError(
                f"split {split} of data set {dataset!r} is empty: an experiment compares its "
                f"settings on {' and '.join(splits)}",
                ("datasets", dataset_index),
                repr(dataset),
            )
