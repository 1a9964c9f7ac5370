"""Presets with whether they can be launched now."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.schemas import PresetInfo
from backend.contract.presets import Preset, load_presets
from backend.database.tables import Dataset, Model


def list_presets(session: Session) -> list[PresetInfo]:
    """All presets; one whose model or data set is absent says so."""
    models = set(session.scalars(sa.select(Model.slug)))
    datasets = set(session.scalars(sa.select(Dataset.slug)))
    return [
        PresetInfo(
            slug=preset.slug,
            title=preset.title,
            description=preset.description,
            unavailable_because=_explain_absence(preset, models, datasets),
            config=preset.config,
        )
        for preset in load_presets()
    ]


def _explain_absence(preset: Preset, models: set[str], datasets: set[str]) -> str | None:
    absent: list[str] = []
    if preset.config.model not in models:
        absent.append(f"model {preset.config.model!r}")
    if preset.config.dataset not in datasets:
        absent.append(f"data set {preset.config.dataset!r}")
    return f"{' and '.join(absent)} not imported yet" if absent else None
