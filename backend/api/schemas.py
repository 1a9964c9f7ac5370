"""Bodies of responses and of the requests that people make. Non-finite floats travel as strings."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.contract.config import RunConfig, Slug
from backend.contract.datasets import DatasetManifest
from backend.contract.devices import MAX_PRIORITY
from backend.contract.runs import RunStatus


class Body(BaseModel):
    """A JSON body: closed, non-finite floats as "NaN", "Infinity", "-Infinity"."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="strings"
    )


class SignIn(Body):
    """Exchange the token for a cookie."""

    token: str = Field(min_length=1, max_length=256)
    """The token from $MAYE_HOME/admin-token."""


class SessionInfo(Body):
    """Whether the browser is signed in."""

    is_signed_in: bool
    version: str


class RunCreate(Body):
    """A new run."""

    name: str = Field(min_length=1, max_length=200)
    """Shown in the run list."""
    config: RunConfig
    """What to do; defaults are the paper's."""
    preset: str | None = Field(default=None, max_length=64)
    """Preset that the configuration started from."""
    priority: int = Field(default=0, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    """Queued runs of a higher priority start first; among equals the older one."""


class RunChange(Body):
    """What to change of a run; what is left out stays."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    """Shown in the run list."""
    priority: int | None = Field(default=None, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    """Of a queued run: a higher one starts first."""


class RunResume(Body):
    """How to go on with a run that has ended too early."""

    force: bool = False
    """Go on although configuration, model, data, code or libraries are no longer those of the
    checkpoint; the run's history then says what had changed."""


class Alarm(Body):
    """Something in a run's curves that somebody should look at."""

    code: str
    """plateau, or what collapsed."""
    text: str
    """What is seen, with its numbers."""
    since_rl_step: int
    """First step at which it held."""


class RunOrigin(Body):
    """Where a run comes from that was opened from an archive; it can be read, not carried out."""

    platform: str
    """Name of the platform that wrote the archive."""
    run_id: UUID
    """The run's id there."""
    dataset: str
    """Slug of its data set there; here the run shows what the archive brought of it."""
    version: str
    """Version of Maye that wrote the archive."""
    saved_at: datetime
    """When the newest entry of its history was made: the archive tells of the run until then."""
    opened_at: datetime
    """When it was opened here."""
    archive_sha256: str
    """Hash of the archive's manifest, by which the same archive is known again."""
    notes: list[str]
    """What the archive leaves out, and why."""


class RunSummary(Body):
    """A run as the list shows it."""

    id: UUID
    name: str
    kind: str
    status: RunStatus
    model: str
    dataset: str
    seed: int
    preset: str | None
    rl_step: int
    """Finished RL steps."""
    total_rl_steps: int | None
    """None until the trainer has counted them."""
    phase: str
    """What it does now, in words."""
    waits_for: str | None
    """Why a queued run has not started, with its position in the queue."""
    priority: int
    """Queued runs of a higher priority start first; among equals the older one."""
    worker: str | None
    """Name of the worker that carries it; None while no worker does."""
    attempt: int
    error_code: str | None
    reason: str | None
    training_accuracy: float | None
    """Newest value of training/accuracy."""
    alarms: list[Alarm]
    """What is wrong with its curves now; empty when nothing is."""
    origin: RunOrigin | None
    """Where it comes from when it was opened from an archive; None for this platform's own."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None


class QueuePlace(Body):
    """Where a queued run stands."""

    position: int
    """Among the queued runs that could go to the same devices, from 1."""
    num_queued: int
    """How many those are."""
    waits_for: str
    """What it waits for, in words."""
    starts_in_s: float | None
    """Estimate from the progress of running runs and how long such runs took; None when one of
    them is unknown."""


class RunDetail(RunSummary):
    """A run with its resolved configuration."""

    queue: QueuePlace | None
    """Where it stands; None unless it is queued."""
    config: RunConfig
    warnings: list[str]
    """What was found in its data when it was created; empty when nothing was."""


class RunPage(Body):
    """A page of runs, newest first."""

    runs: list[RunSummary]
    next_cursor: str | None
    """Pass as `cursor` for the next page; None on the last."""


class RunEvent(Body):
    """One entry of a run's history."""

    sequence: int
    at: datetime
    actor: str
    from_status: RunStatus | None
    to_status: RunStatus
    reason: str | None


class MetricKey(Body):
    """A metric that a run has logged."""

    key: str
    name: str
    num_points: int
    last_rl_step: int
    last_value: float | None
    """None when the newest value is not finite."""


class SeriesPoint(Body):
    """One point of a series: a logged value with its rl_step, epoch and seconds."""

    rl_step: int
    epoch: float
    seconds: float
    value: float
    """May be "NaN", "Infinity" or "-Infinity" in JSON."""


class Series(Body):
    """A metric's points in order of rl_step; down-sampling keeps each bucket's extremes."""

    key: str
    num_points: int
    """Points stored."""
    is_downsampled: bool
    points: list[SeriesPoint]


class Sample(Body):
    """One response with its problem, verdict and rewards."""

    rl_step: int
    index: int
    item_id: str
    split: str
    question: str
    gold_answer: str
    category: str | None
    image_sha256: str | None
    """Picture under /datasets/{slug}/images/{sha256}; None for a text-only problem."""
    response: str
    num_response_tokens: int
    is_truncated: bool
    extracted_answer: str | None
    is_correct: bool
    outcome_reward: float
    reward_parts: dict[str, float]


class SamplePage(Body):
    """Responses of one step."""

    rl_step: int | None
    """Step shown; None when nothing was stored yet."""
    rl_steps: list[int]
    """All steps that have responses."""
    samples: list[Sample]


class LogTail(Body):
    """A part of a run's log: its end, or what follows a cursor."""

    text: str
    is_complete: bool
    """False when older lines were left out."""
    cursor: str | None
    """Pass as `after` for what comes next; None while there is no log."""


class CheckpointInfo(Body):
    """A checkpoint that was announced."""

    name: str
    rl_step: int
    size_bytes: int
    created_at: datetime
    is_kept: bool
    """False once the trainer has deleted it: the newest and the best are kept."""
    is_last: bool
    """True for the newest that is kept: a resumed run goes on from it."""
    is_best: bool
    """True for that of the best validation accuracy, by the last decoding setting."""


class SplitInfo(Body):
    """A split of a data set."""

    name: str
    num_items: int


class DatasetInfo(Body):
    """A data set."""

    id: UUID
    slug: str
    title: str
    kind: str
    """text-dominant or vision-dominant."""
    licence: str
    splits: list[SplitInfo]
    num_images: int
    created_at: datetime
    source: str | None
    """Where it was imported from: folder, upload, or hub with repository and commit."""


class DatasetItem(Body):
    """A problem."""

    split: str
    item_id: str
    row: int
    question: str
    answer: str
    solution: str | None
    """Worked solution; None where the data set has none."""
    category: str | None
    difficulty: str | None
    """In the data set's own words or numbers; None where it has none."""
    image_sha256: str | None


class DatasetItemPage(Body):
    """A page of problems in file order."""

    items: list[DatasetItem]
    next_cursor: str | None


class FolderImport(Body):
    """Import from a folder name under the operator's MAYE_IMPORT_DIR."""

    folder: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    """Name of the folder; no separators."""
    manifest: DatasetManifest | None = None
    """In place of the folder's own dataset.yaml."""


class ModelInfo(Body):
    """A model."""

    id: UUID
    slug: str
    title: str
    architecture: str
    num_parameters: int
    size_bytes: int
    created_at: datetime
    source: str | None
    """Where it was imported from: folder, or hub with repository and commit."""


class PresetInfo(Body):
    """A ready configuration."""

    slug: str
    title: str
    description: str
    unavailable_because: str | None
    """Why it cannot be launched now (its model or data set is absent); None when it can."""
    config: RunConfig


class FieldProblem(Body):
    """One field that was refused."""

    path: list[str | int]
    """Where: keys from the body's root."""
    message: str
    """What is wrong and what is allowed."""
    got: str
    """What came, shortened."""


class Problem(Body):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str
    """Stable error code."""
    detail: str
    request_id: str
    fields: list[FieldProblem] = []


class ModelImport(Body):
    """Register a model from a folder name under the operator's MAYE_IMPORT_DIR."""

    folder: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")
    """Name of the folder; no separators."""
    slug: Slug
    """Unique name."""
    title: str = Field(min_length=1, max_length=200)
    """Name for people."""
