"""Coded errors: what goes wrong for a user, with a stable code.

    PlatformError
    +-- NotFoundError            not_found
    +-- ConflictError            conflict
    |   +-- IllegalTransitionError   illegal_transition
    |   +-- StaleFenceError          stale_fence
    |   +-- RunImportedError         run_imported
    +-- InvalidInputError        invalid_input
    |   +-- DatasetInvalidError      dataset_invalid
    |   +-- ModelInvalidError        model_invalid
    |   +-- ArchiveInvalidError      archive_invalid
    |   +-- ArchiveTooNewError       archive_too_new
    +-- UnauthorizedError        unauthorized
    +-- ForbiddenError           forbidden
    +-- SchemaTooNewError        schema_too_new
    +-- CheckpointCorruptError   checkpoint_corrupt
    +-- CheckpointNotSavedError  checkpoint_not_saved
    +-- ResumeRefusedError       resume_refused
    +-- TraceCorruptError        trace_corrupt
    +-- DiskFullError            disk_full
    +-- HubUnavailableError      hub_unavailable
    +-- TrainingError            training_failed

Each takes one message (what, got, allowed), so that it survives pickling between processes.
HTTP statuses live in `backend/api/error_handlers.py`.
"""

from typing import ClassVar


class PlatformError(Exception):
    """An error with a stable code that a user can act on."""

    code: ClassVar[str] = "platform_error"

    @property
    def message(self) -> str:
        """What happened, what was got, what is allowed."""
        return str(self.args[0])


class NotFoundError(PlatformError):
    """No such run, data set, model or picture."""

    code = "not_found"


class ConflictError(PlatformError):
    """The request contradicts what is stored."""

    code = "conflict"


class IllegalTransitionError(ConflictError):
    """A run cannot go from its state to the one asked for."""

    code = "illegal_transition"


class StaleFenceError(ConflictError):
    """The sender no longer owns the run: somebody else has claimed it."""

    code = "stale_fence"


class RunImportedError(ConflictError):
    """The run was opened from an archive: it can be read, not carried out."""

    code = "run_imported"


class InvalidInputError(PlatformError):
    """The input is well-formed but not acceptable."""

    code = "invalid_input"


class DatasetInvalidError(InvalidInputError):
    """A data set was refused; the message lists every bad row by file and number."""

    code = "dataset_invalid"


class ModelInvalidError(InvalidInputError):
    """A model folder was refused."""

    code = "model_invalid"


class ArchiveInvalidError(InvalidInputError):
    """An archive of a run was refused; nothing of it is kept."""

    code = "archive_invalid"


class ArchiveTooNewError(InvalidInputError):
    """An archive was written by a newer version of Maye."""

    code = "archive_too_new"


class UnauthorizedError(PlatformError):
    """No valid token or session."""

    code = "unauthorized"


class ForbiddenError(PlatformError):
    """The credentials are valid but not for this."""

    code = "forbidden"


class SchemaTooNewError(PlatformError):
    """The database was written by a newer version of Maye."""

    code = "schema_too_new"


class CheckpointCorruptError(PlatformError):
    """A checkpoint's files do not match its manifest."""

    code = "checkpoint_corrupt"


class CheckpointNotSavedError(PlatformError):
    """The disk did not take a checkpoint."""

    code = "checkpoint_not_saved"


class ResumeRefusedError(PlatformError):
    """The run has changed since its checkpoint was made: going on would not be the same run."""

    code = "resume_refused"


class TraceCorruptError(PlatformError):
    """The trace of a step is no file that the trainer wrote."""

    code = "trace_corrupt"


class DiskFullError(PlatformError):
    """The disk has no room for what must be written; nothing partial is left."""

    code = "disk_full"


class HubUnavailableError(PlatformError):
    """The hub of models and data sets cannot be reached, or does not answer as one."""

    code = "hub_unavailable"


class TrainingError(PlatformError):
    """Training cannot go on, and trying again would not help."""

    code = "training_failed"
