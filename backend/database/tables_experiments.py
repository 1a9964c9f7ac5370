"""The tables of experiments: what was asked for, and the run in each cell."""

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.database.tables import Base


class Experiment(Base):
    """Models x data sets x settings x seeds that were created together."""

    __tablename__ = "experiments"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    """From the counter of runs, before its own runs: the order of creation."""
    name: Mapped[str]
    spec: Mapped[dict[str, Any]]
    """The specification as it was accepted."""
    warnings: Mapped[list[str]] = mapped_column(sa.JSON)
    """What was found when it was created, and every reader of its report must know."""
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    request_hash: Mapped[str]
    """Hash of the creating request, to tell a repetition from another request."""
    created_at: Mapped[datetime]


class ExperimentCell(Base):
    """One model, data set, setting and seed, and the run that stands for it now."""

    __tablename__ = "experiment_cells"

    experiment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("experiments.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """Order of the experiment: by model, data set, setting, seed."""
    model: Mapped[str]
    dataset: Mapped[str]
    setting: Mapped[str]
    kind: Mapped[str]
    """Kind of the setting: vanilla, sft or rl."""
    seed: Mapped[int | None]
    """NULL for vanilla."""
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id"), index=True)
    """May be the run of several experiments where it is a vanilla evaluation."""
