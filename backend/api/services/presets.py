"""Presets with whether they can be launched now."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import PresetInfo
from backend.api.schemas_experiments import ExperimentPresetInfo
from backend.contract.presets import load_experiment_presets, load_presets
from backend.database.tables import Dataset, Model


def list_presets(session: Session) -> list[PresetInfo]:
    """All presets of runs; one whose model or data set is absent says so."""
    library = _load_library(session)
    return [
        PresetInfo(
            slug=preset.slug,
            title=preset.title,
            description=preset.description,
            unavailable_because=_explain_absence(
                library, [preset.config.model], [preset.config.dataset]
            ),
            config=preset.config,
        )
        for preset in load_presets()
    ]


def list_experiment_presets(session: Session) -> list[ExperimentPresetInfo]:
    """All presets of experiments; one with an absent model or data set says so."""
    library = _load_library(session)
    return [
        ExperimentPresetInfo(
            slug=preset.slug,
            title=preset.title,
            description=preset.description,
            unavailable_because=_explain_absence(library, preset.spec.models, preset.spec.datasets),
            spec=preset.spec,
        )
        for preset in load_experiment_presets()
    ]


def _load_library(session: Session) -> tuple[set[str], set[str]]:
    """Slugs of models and of data sets."""
    return set(session.scalars(sa.select(Model.slug))), set(
        session.scalars(sa.select(Dataset.slug))
    )


def _explain_absence(
    library: tuple[set[str], set[str]], models: Iterable[str], datasets: Iterable[str]
) -> str | None:
    absent = [f"model {slug!r}" for slug in models if slug not in library[0]]
    absent += [f"data set {slug!r}" for slug in datasets if slug not in library[1]]
    return f"{' and '.join(absent)} not imported yet" if absent else None
