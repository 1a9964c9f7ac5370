"""Every table of the platform: runs with their history, what they log, and the library.

`seq` columns hold the value that the one counter had when the row changed; the event stream sends
rows in its order. Portable to PostgreSQL: no statement here knows the database.
"""

import uuid
from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backend.database.columns import TEXT, UtcDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables; names of constraints are fixed so that migrations can refer to them."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        int: sa.BigInteger,
        str: TEXT,
        dict[str, Any]: sa.JSON,
        uuid.UUID: sa.Uuid,
    }


class Run(Base):
    """A run and all that decides who may work on it; the only truth about its state."""

    __tablename__ = "runs"
    __table_args__ = (
        Index(None, "status", "number"),
        Index(None, "status", "priority", "number"),
        Index(None, "owner", "status"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    """Order of creation: the queue's order and the list's key."""
    seq: Mapped[int] = mapped_column(index=True)
    """Counter at the last change that the stream tells."""
    name: Mapped[str]
    kind: Mapped[str]
    model: Mapped[str]
    dataset: Mapped[str]
    seed: Mapped[int]
    preset: Mapped[str | None]
    config: Mapped[dict[str, Any]]
    """The resolved configuration."""
    status: Mapped[str]
    priority: Mapped[int] = mapped_column(default=0, server_default="0")
    """Queued runs of a higher priority start first; among equals the older one."""
    device_kind: Mapped[str] = mapped_column(default="auto", server_default="auto")
    """Where it may run: cpu, cuda, or auto for either; from its configuration."""
    num_devices: Mapped[int] = mapped_column(default=1, server_default="1")
    """How many devices it needs at once; from its configuration."""
    min_device_memory_gib: Mapped[float | None]
    """Least memory of each GPU; from its configuration."""
    held_devices: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))
    """UUIDs of the owner's GPUs that it holds; NULL when it computes on the CPU or waits."""
    is_imported: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """It was opened from a file: it can be read, not carried out."""
    archive_sha256: Mapped[str | None] = mapped_column(unique=True)
    """Hash of the manifest of the file it was opened from: the same file is opened once."""
    origin: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    """Where an opened run comes from (`RunOrigin`); NULL for a run of this platform."""
    fence: Mapped[int] = mapped_column(default=0)
    """Raised by every claim; only its holder may write."""
    ended_fence: Mapped[int | None]
    """Fence of the attempt that said its end, so that saying it twice changes nothing."""
    owner: Mapped[str | None]
    """Worker that claimed the run."""
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)
    attempts_without_progress: Mapped[int] = mapped_column(default=0)
    """Lost attempts in a row without a new checkpoint."""
    force_resume: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """A user wants the run to go on in spite of what has changed; until the next checkpoint."""
    rl_step: Mapped[int] = mapped_column(default=0)
    total_rl_steps: Mapped[int | None]
    phase: Mapped[str] = mapped_column(default="")
    error_code: Mapped[str | None]
    reason: Mapped[str | None]
    alarms: Mapped[list[dict[str, Any]] | None] = mapped_column(sa.JSON(none_as_null=True))
    """What is wrong with its curves now (code, text, since_rl_step); NULL when nothing is."""
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    request_hash: Mapped[str | None]
    """Hash of the creating request, to tell a repetition from another request."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]


class RunEvent(Base):
    """One change of a run's state; written in the same transaction, never changed."""

    __tablename__ = "run_events"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    reason: Mapped[str | None]


class Outbox(Base):
    """A doorbell that still has to ring; written in the transaction that makes it needed."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True
    )
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id"), index=True)
    topic: Mapped[str]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None] = mapped_column(index=True)


class RLStep(Base):
    """One RL step with every x-axis."""

    __tablename__ = "rl_steps"

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    rl_step: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[float]
    samples: Mapped[int]
    tokens: Mapped[int]
    seconds: Mapped[float]
    logged_at: Mapped[datetime]
    fence: Mapped[int]


class MetricPoint(Base):
    """One value of one metric; its identity holds neither value nor time."""

    __tablename__ = "metric_points"
    __table_args__ = (Index(None, "seq"),)

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    rl_step: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[float | None]
    """NULL when not finite."""
    nonfinite: Mapped[str | None]
    """NaN, Infinity or -Infinity where value is NULL."""
    fence: Mapped[int]
    seq: Mapped[int]


class Sample(Base):
    """One response."""

    __tablename__ = "samples"
    __table_args__ = (Index(None, "seq"),)

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    rl_step: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """Position in the step's batch."""
    item_id: Mapped[str]
    split: Mapped[str]
    response: Mapped[str]
    num_response_tokens: Mapped[int]
    is_truncated: Mapped[bool]
    extracted_answer: Mapped[str | None]
    is_correct: Mapped[bool]
    outcome_reward: Mapped[float | None]
    """NULL when not finite."""
    outcome_reward_nonfinite: Mapped[str | None]
    reward_parts: Mapped[dict[str, Any]]
    """Numbers, or the names of non-finite ones."""
    fence: Mapped[int]
    seq: Mapped[int]


class Evaluation(Base):
    """What a policy answered to one split under one decoding setting at one step."""

    __tablename__ = "evaluations"
    __table_args__ = (
        UniqueConstraint(
            *("run_id", "rl_step", "split", "pictures", "k", "temperature", "top_p"),
            # The name by the convention is longer than the 63 characters of PostgreSQL.
            name="uq_evaluations_subject",
        ),
    )

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True
    )
    run_id: Mapped[uuid.UUID]
    rl_step: Mapped[int]
    split: Mapped[str]
    pictures: Mapped[str]
    """own, or permuted among the problems."""
    k: Mapped[int]
    temperature: Mapped[float]
    top_p: Mapped[float]


class Answer(Base):
    """One response of an evaluation.

    The long texts stand last: what is counted is read without them.
    """

    __tablename__ = "answers"

    evaluation_id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        ForeignKey("evaluations.id"),
        primary_key=True,
    )
    item_id: Mapped[str] = mapped_column(primary_key=True)
    sample: Mapped[int] = mapped_column(primary_key=True)
    """Which of the k responses."""
    is_correct: Mapped[bool]
    num_response_tokens: Mapped[int]
    is_truncated: Mapped[bool]
    is_repeating: Mapped[bool]
    num_reflections: Mapped[int]
    """Occurrences of all reflection words."""
    fence: Mapped[int]
    """Attempt that judged it."""
    extracted_answer: Mapped[str | None]
    failure: Mapped[str | None]
    """Why the judge could not decide; NULL when it did."""
    reward_parts: Mapped[dict[str, Any]]
    """Numbers, or the names of non-finite ones."""
    reflection: Mapped[dict[str, Any]]
    """Reflection word to occurrences, those that occur."""
    response: Mapped[str]


class LogChunk(Base):
    """A piece of an attempt's output."""

    __tablename__ = "log_chunks"
    __table_args__ = (Index(None, "seq"),)

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True)
    byte_offset: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    seq: Mapped[int]


class Checkpoint(Base):
    """A complete checkpoint that was announced."""

    __tablename__ = "checkpoints"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    rl_step: Mapped[int]
    manifest_sha256: Mapped[str]
    size_bytes: Mapped[int]
    created_at: Mapped[datetime]
    fence: Mapped[int]
    """Fence of the attempt that announced it."""


class Deletion(Base):
    """A run that somebody deleted; its row is gone at once, what it has logged goes in pieces.

    So tables of what runs log do not refer to `runs`: their writers lock the run's row.
    """

    __tablename__ = "deletions"

    run_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(index=True)
    """Counter when it was deleted: the stream tells of it."""
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    """When nothing of it was left, neither rows nor files."""
    dataset: Mapped[str | None]
    """Slug of the problems that came with an opened run: their folder goes, too."""


class Dataset(Base):
    """An imported data set."""

    __tablename__ = "datasets"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    kind: Mapped[str]
    licence: Mapped[str]
    num_images: Mapped[int]
    created_at: Mapped[datetime]
    is_partial: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """It came with an archive and holds only the problems that its run shows: no run may use it."""
    source: Mapped[str | None]
    """Where it was imported from; NULL when that was not kept."""


class DatasetItem(Base):
    """One problem of a data set."""

    __tablename__ = "dataset_items"
    __table_args__ = (
        UniqueConstraint("dataset_id", "split", "item_id"),
        Index(None, "dataset_id", "image_sha256"),
    )

    dataset_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    split: Mapped[str] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    """Line in the imported file, from 1."""
    item_id: Mapped[str]
    question: Mapped[str]
    answer: Mapped[str]
    solution: Mapped[str | None]
    category: Mapped[str | None]
    difficulty: Mapped[str | None]
    """In the data set's own words or numbers."""
    image_sha256: Mapped[str | None]


class Model(Base):
    """A model that runs may start from."""

    __tablename__ = "models"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    architecture: Mapped[str]
    num_parameters: Mapped[int]
    size_bytes: Mapped[int]
    created_at: Mapped[datetime]
    source: Mapped[str | None]
    """Where it was imported from; NULL when that was not kept."""


class Worker(Base):
    """A worker that has asked for work."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    slots: Mapped[int]
    """Runs that it carries at a time on its CPU."""
    last_seen_at: Mapped[datetime]
    host: Mapped[str] = mapped_column(default="", server_default="")
    """Name of its machine."""
    devices: Mapped[list[dict[str, Any]]] = mapped_column(
        sa.JSON, default=list, server_default="[]"
    )
    """What it computes on, as it announced it."""
    versions: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """Package to version, as it announced them."""
    is_draining: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """It finishes what it has and takes nothing new."""
    started_at: Mapped[datetime | None]
    """When its process started; NULL when it has never announced itself."""
    seq: Mapped[int] = mapped_column(default=0, server_default="0")
    """Counter at the last change that the stream tells."""
    is_told_absent: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    """The stream has told that it fell silent."""


class SignedIn(Base):
    """A browser that exchanged the token for a cookie; only the cookie's hash is kept."""

    __tablename__ = "sessions"

    secret_sha256: Mapped[str] = mapped_column(primary_key=True)
    token_sha256: Mapped[str]
    """Hash of the token it was made from: another token ends the session."""
    expires_at: Mapped[datetime]


class Counter(Base):
    """A number that is raised in the transaction that it numbers."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]
