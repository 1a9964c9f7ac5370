"""The archive of a run: a zip with a manifest of hashes, and what each of its entries holds.

Entries stand in a fixed order with a fixed time, JSON deflated, pictures and traces stored, the
manifest last; so the same run gives the same bytes. Records are those of the contract where it
has them, one JSON line each; floats come out as they went in, NaN and infinities as strings.
"""

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from backend.api.services.texts import clean_text
from backend.contract.config import AnyRunConfig, RunConfig
from backend.contract.datasets import DatasetKind, Item, SplitName
from backend.contract.messages import MAX_STEP, CheckpointRecord, Fence, StepNumber
from backend.contract.runs import RunStatus

FORMAT = 1
MANIFEST = "manifest.json"
RUN = "run.json"
EVENTS = "events.jsonl"
METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"
EVALUATIONS = "evaluations.jsonl"
ANSWERS = "answers.jsonl"
LOG = "log.jsonl"
CHECKPOINTS = "checkpoints.jsonl"
DATASET = "dataset.json"
PROBLEMS = "problems.jsonl"
DOCUMENTS = (
    *(RUN, EVENTS, METRICS, SAMPLES, EVALUATIONS, ANSWERS),
    *(LOG, CHECKPOINTS, DATASET, PROBLEMS),
)
"""Entries that every archive has, in their order; pictures, traces and the manifest follow."""
PICTURE_NAME = re.compile(r"images/([0-9a-f]{64})")
TRACE_NAME = re.compile(r"traces/step-\d{8,16}\.f\d{1,16}\.safetensors")

MAX_ENTRIES = 100_000
MAX_DIRECTORY_BYTES = 32 * 2**20
"""Largest central directory, and largest manifest."""
MAX_LINE_BYTES = 8 * 2**20
"""Longest JSON line: a piece of a log with every character escaped."""
MAX_EXPANSION = 100
"""All entries together may be so many times larger than the file ..."""
FREE_EXPANSION_BYTES = 256 * 2**20
"""... and so much larger besides: a log that repeats itself shrinks a thousandfold."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, AfterValidator(clean_text)]
Count = Annotated[int, Field(ge=0, le=MAX_STEP)]


class Entry(BaseModel):
    """A closed, frozen part of an archive."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="strings"
    )


class FileInfo(Entry):
    """What the manifest says of an entry."""

    size_bytes: Count
    sha256: Sha256


class Manifest(Entry):
    """What the archive is, and the hash of every other entry."""

    format: int
    """Version of this layout."""
    maye: Text = Field(max_length=100)
    """Version of Maye that wrote it."""
    platform: Text = Field(max_length=200)
    """Name of the platform that wrote it."""
    run_id: UUID
    saved_at: AwareDatetime
    """When the newest entry of the run's history was made."""
    notes: list[str] = Field(max_length=1000)
    """What was left out, and why."""
    entries: dict[str, FileInfo]
    """Name to size and hash."""


class ArchivedRun(Entry):
    """The run's row, without what only its own platform needs."""

    name: Text = Field(min_length=1, max_length=200)
    config: RunConfig
    preset: Text | None = Field(max_length=64)
    status: RunStatus
    priority: int = Field(ge=-MAX_STEP, le=MAX_STEP)
    device_kind: Text = Field(max_length=64)
    num_devices: int = Field(ge=1, le=MAX_STEP)
    fence: Count
    attempt: Count
    rl_step: StepNumber
    total_rl_steps: StepNumber | None
    phase: Text
    error_code: Text | None
    reason: Text | None
    alarms: list[dict[str, Any]] | None
    created_at: AwareDatetime
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    heartbeat_at: AwareDatetime | None

    @property
    def typed_config(self) -> AnyRunConfig:
        """The configuration, as a type that checkers know."""
        return self.config


class ArchivedEvent(Entry):
    """One entry of the run's history."""

    sequence: Count
    at: AwareDatetime
    actor: Text
    from_status: RunStatus | None
    to_status: RunStatus
    reason: Text | None


class ArchivedEvaluation(Entry):
    """An evaluation's subject; its answers name it by the same values."""

    rl_step: StepNumber
    split: Text = Field(max_length=64)
    pictures: Text = Field(max_length=64)
    k: int = Field(ge=1, le=64)
    temperature: float = Field(allow_inf_nan=False)
    top_p: float = Field(allow_inf_nan=False)


class ArchivedLog(Entry):
    """A piece of an attempt's output."""

    fence: Count
    offset: StepNumber
    text: Text


class ArchivedCheckpoint(Entry):
    """A checkpoint that was announced; its weights stay where they are."""

    record: CheckpointRecord
    fence: Fence
    created_at: AwareDatetime


class ArchivedDataset(Entry):
    """The card of the run's data set."""

    slug: Text = Field(max_length=64)
    title: Text = Field(max_length=200)
    kind: DatasetKind
    licence: Text = Field(max_length=200)


class ArchivedProblem(Entry):
    """A problem that a response, an answer or a trace of the run refers to."""

    split: SplitName
    item: Item
