"""Bodies about the operation of the platform: its disk, what takes space, what goes next."""

from uuid import UUID

from backend.api.schemas import Body
from backend.contract.disk import DiskState


class DiskInfo(Body):
    """The disk of MAYE_HOME."""

    total_bytes: int
    free_bytes: int
    min_free_bytes: int
    """Below it no run is started; below twice that, `state` is low."""
    state: DiskState
    text: str
    """The same in words."""


class RemovalInfo(Body):
    """A checkpoint that retention takes away, now or soon."""

    run_id: UUID
    run_name: str
    checkpoint: str
    """Its name."""
    rl_step: int
    size_bytes: int
    is_due: bool
    """True when it goes at the next look; false when nine tenths of the way there are gone."""
    reason: str


class StorageInfo(Body):
    """What takes space, what the operator allows, and what goes next."""

    disk: DiskInfo
    stored_bytes: dict[str, int]
    """Kind to bytes under MAYE_HOME and in the database; at most a minute old."""
    checkpoint_quota_bytes: int | None
    """What checkpoints may take; None without a limit."""
    removals: list[RemovalInfo]
    """What goes next, first things first; at most 100."""
    warnings: list[str]
    """What somebody should look at."""
