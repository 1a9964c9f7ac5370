"""What runner, trainer and API say to each other: claim, heartbeat, spool records, checkpoint, end.

Every write carries the fence that the claim returned; the API refuses an older one with
`stale_fence`, and the sender stops. Records are identified by what they are about (run, key,
step), so a batch that is sent twice changes nothing. Non-finite floats travel as the strings
"NaN", "Infinity" and "-Infinity", because JSON has no such numbers.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from backend.contract.config import RunConfig
from backend.contract.devices import DeviceKind, need_of
from backend.contract.settings import WORKER_NAME_PATTERN

MAX_STEP = 2**53 - 1
StepNumber = Annotated[int, Field(ge=0, le=MAX_STEP)]
Fence = Annotated[int, Field(ge=1, le=MAX_STEP)]
WorkerName = Annotated[str, Field(pattern=WORKER_NAME_PATTERN)]


class Message(BaseModel):
    """A message between processes: closed, frozen, non-finite floats as strings."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, ser_json_inf_nan="strings"
    )


class Device(Message):
    """A GPU of a worker, or its CPU."""

    kind: DeviceKind
    """cpu or cuda."""
    index: int = Field(default=0, ge=0, le=1023)
    """Which of those of its kind that the worker may use, from 0."""
    uuid: str = Field(default="", max_length=100, pattern=r"^[A-Za-z0-9-]*$")
    """Of a GPU: the driver's own name of it, by which a run gets it; empty for a CPU."""
    name: str = Field(max_length=200)
    """Its model."""
    memory_bytes: int = Field(ge=0, le=MAX_STEP)
    """Memory of the GPU; of a CPU, the machine's."""
    num_cores: int | None = Field(default=None, ge=1, le=65536)
    """Of a CPU: cores that the worker may use."""


class Announcement(Message):
    """A worker says that it is there, and what it has."""

    worker: WorkerName
    """Name of the worker, stable over restarts of its process."""
    host: str = Field(max_length=255)
    """Name of its machine."""
    started_at: datetime
    """When its process started: of two processes with one name the later one has it."""
    slots: int = Field(ge=1, le=1024)
    """How many runs it carries at a time on its CPU."""
    devices: list[Device] = Field(max_length=1024)
    """Its CPU and its GPUs."""
    versions: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=100)]] = (
        Field(max_length=64)
    )
    """What is installed there: package to version, with python, driver and CUDA."""


class AnnouncementReply(Message):
    """What the platform wants of a worker."""

    is_draining: bool
    """True when it is to finish what it has and take nothing new."""
    has_work: bool
    """True when a queued run fits it now: it should ask."""


class ClaimRequest(Message):
    """A worker asks for a run. Its GPUs are those that it has announced."""

    worker: WorkerName
    """Name of the worker, stable over restarts of its process."""
    slots: int = Field(ge=1, le=1024)
    """How many runs it carries at a time on its CPU."""


class Claim(Message):
    """A run handed to a worker."""

    run_id: UUID
    """The run."""
    fence: Fence
    """Raised by every claim; only its holder may write."""
    lease_s: float
    """Seconds until the lease ends unless a heartbeat renews it."""
    config: RunConfig
    """The resolved configuration."""
    gpus: tuple[str, ...] = ()
    """UUIDs of the GPUs that the run holds on the worker; without any it computes on the CPU."""
    force_resume: bool = False
    """True when a user wants the run to go on in spite of what has changed since its checkpoint."""

    @model_validator(mode="after")
    def _gpus_are_those_it_needs(self) -> Self:
        needed = need_of(self.config).num_devices
        if self.gpus and len(self.gpus) != needed:
            raise ValueError(f"the run needs {needed} GPUs and was handed {len(self.gpus)}")
        return self


class ClaimReply(Message):
    """Answer to a claim: a run, or nothing that fits now."""

    claim: Claim | None
    """None when no queued run fits the worker's free slots."""


class Heartbeat(Message):
    """The runner is alive and renews its lease."""

    fence: Fence
    """The fence of the claim."""
    is_training: bool
    """True once the trainer has taken its first step: the run is running, not starting."""
    phase: str = Field(default="", max_length=200)
    """What the trainer does now, in words for the run page (for example "evaluating step 0")."""


class HeartbeatReply(Message):
    """What the platform wants of the runner."""

    should_cancel: bool
    """True when a user asked to cancel: stop the trainer within the grace period."""


class StepRecord(Message):
    """One RL step: every x-axis, and all metrics logged at it."""

    type: Literal["step"] = "step"
    rl_step: StepNumber
    """0 is before training."""
    epoch: float = Field(ge=0)
    """Passes over the training split so far."""
    samples: int = Field(ge=0, le=MAX_STEP)
    """Responses collected so far."""
    tokens: int = Field(ge=0, le=MAX_STEP)
    """Response tokens collected so far."""
    seconds: float = Field(ge=0)
    """Training time so far, over all attempts, in s."""
    logged_at: datetime
    """When the trainer wrote the record (UTC)."""
    metrics: dict[str, float]
    """Metric key (catalogue name, labels in braces) to value."""


class SampleRecord(Message):
    """One response, with what it was worth."""

    type: Literal["sample"] = "sample"
    rl_step: StepNumber
    """Step that produced it."""
    index: int = Field(ge=0, le=1_000_000)
    """Position in the step's batch."""
    item_id: str = Field(max_length=200)
    """Id of the problem in its data set split."""
    split: str = Field(max_length=64)
    """Split of the problem."""
    response: str
    """Decoded text without special tokens."""
    num_response_tokens: int = Field(ge=0)
    """Tokens up to and including end-of-text."""
    is_truncated: bool
    """True when the response has no end-of-text."""
    extracted_answer: str | None
    """What the judge read as the answer; None without a box."""
    is_correct: bool
    """The judge's verdict."""
    outcome_reward: float
    """What the response was rewarded with."""
    reward_parts: dict[str, float]
    """Part name (accuracy, language, format) to value."""


class AnswerRecord(Message):
    """One response of an evaluation; identified by step, subject, decoding, problem and sample."""

    type: Literal["answer"] = "answer"
    rl_step: StepNumber
    """Step whose policy answered; 0 before training and for a model by itself."""
    split: str = Field(max_length=64)
    """Split of the problem."""
    pictures: Literal["own", "permuted"]
    """Own, or permuted among the problems (the control)."""
    k: int = Field(ge=1, le=64)
    """Responses per problem of the decoding setting."""
    temperature: float
    """Softmax temperature of the decoding setting."""
    top_p: float
    """Nucleus probability of the decoding setting."""
    item_id: str = Field(max_length=200)
    """Id of the problem in its split."""
    sample: int = Field(ge=0, lt=64)
    """Which of the k responses."""
    response: str
    """Decoded text without special tokens."""
    num_response_tokens: int = Field(ge=0)
    """Tokens up to and including end-of-text."""
    is_truncated: bool
    """True when the response has no end-of-text."""
    is_repeating: bool
    """True when its end repeats the same words over and over."""
    extracted_answer: str | None
    """What the judge read as the answer; None without a box."""
    is_correct: bool
    """The judge's verdict."""
    failure: str | None
    """Why the judge could not decide; None when it did."""
    reward_parts: dict[str, float]
    """Part name (accuracy, language, format) to value."""
    reflection: dict[str, int]
    """Reflection word to occurrences; words that do not occur are left out."""


class ProgressRecord(Message):
    """How far the trainer is."""

    type: Literal["progress"] = "progress"
    rl_step: StepNumber
    """Finished RL steps."""
    total_rl_steps: StepNumber
    """RL steps of the whole run."""
    phase: str = Field(max_length=200)
    """What the trainer does now, in words."""


class CheckpointRecord(Message):
    """A complete checkpoint that lies on disk, announced after its folder was made durable."""

    type: Literal["checkpoint"] = "checkpoint"
    rl_step: StepNumber
    """Step after which the state was saved."""
    name: str = Field(pattern=r"^step-\d{8}\.f\d+$")
    """Folder name under the run's checkpoints."""
    manifest_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hash of the manifest that lists every file's hash."""
    size_bytes: int = Field(ge=0)
    """Size of all files."""


class NoticeRecord(Message):
    """Something that nobody should miss; it goes to the run's history."""

    type: Literal["notice"] = "notice"
    rl_step: StepNumber
    """Finished RL steps."""
    text: str = Field(min_length=1, max_length=4000)
    """What happened, in words."""


SpoolRecord = Annotated[
    StepRecord | SampleRecord | AnswerRecord | ProgressRecord | CheckpointRecord | NoticeRecord,
    Field(discriminator="type"),
]
"""What a trainer writes to its spool, one JSON line each."""


class LogChunk(Message):
    """A piece of the trainer's output."""

    fence: Fence
    """Attempt whose output it is."""
    offset: int = Field(ge=0, le=MAX_STEP)
    """Byte offset of the piece in that attempt's log file: its identity."""
    text: str = Field(max_length=262_144)
    """Decoded text, control characters except newline and tab removed."""


class IngestBatch(Message):
    """Spool records and log pieces; sending it twice changes nothing."""

    fence: Fence
    """The fence of the claim."""
    records: list[SpoolRecord] = Field(default=[], max_length=1000)
    """In the order they were written."""
    log: list[LogChunk] = Field(default=[], max_length=64)
    """In order of their offsets."""


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    FAILED = "failed"
    """The trainer's own error: trying again would give the same."""
    LOST = "lost"
    """Killed from outside: the run is queued again and goes on from its newest checkpoint."""


class AttemptEnd(Message):
    """The last thing a runner says."""

    fence: Fence
    """The fence of the claim."""
    outcome: Outcome
    """How the attempt ended."""
    error_code: str | None = Field(default=None, max_length=64)
    """Stable code of the failure."""
    reason: str | None = Field(default=None, max_length=4000)
    """Why, in words, for the user."""
