"""The states of a run, its legal transitions, and the name of the doorbell's task."""

from enum import StrEnum
from types import MappingProxyType

from backend.contract.errors import IllegalTransitionError

RING_TASK = "maye.ring"
"""Celery task name: a worker asks the API for work. It carries no state and may ring twice."""


class RunStatus(StrEnum):
    """Where a run stands; stored as text."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """True when the run has ended: only a user who resumes it changes that."""
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED)

    @property
    def is_resumable(self) -> bool:
        """True when the run has ended before it was done."""
        return self in (RunStatus.FAILED, RunStatus.CANCELLED)

    @property
    def is_owned(self) -> bool:
        """True while a runner holds (or should hold) a lease on the run."""
        return self in (RunStatus.STARTING, RunStatus.RUNNING, RunStatus.CANCELLING)


_S = RunStatus
LEGAL_TRANSITIONS = MappingProxyType(
    {
        _S.QUEUED: frozenset({_S.STARTING, _S.CANCELLED, _S.FAILED}),
        _S.STARTING: frozenset({_S.RUNNING, _S.QUEUED, _S.CANCELLING, _S.FAILED, _S.CANCELLED}),
        _S.RUNNING: frozenset({_S.QUEUED, _S.CANCELLING, _S.SUCCEEDED, _S.FAILED}),
        _S.CANCELLING: frozenset({_S.CANCELLED, _S.SUCCEEDED, _S.FAILED}),
        _S.SUCCEEDED: frozenset(),
        _S.FAILED: frozenset({_S.QUEUED}),
        _S.CANCELLED: frozenset({_S.QUEUED}),
    }
)
"""From each state, the states that may follow it."""


def check_transition(current: RunStatus, wanted: RunStatus) -> None:
    """Refuse a transition that the table does not list.

    Raises:
        IllegalTransitionError: names both states and what is allowed.
    """
    allowed = LEGAL_TRANSITIONS[current]
    if wanted not in allowed:
        names = ", ".join(sorted(allowed)) or "nothing: it has ended"
        raise IllegalTransitionError(
            f"a run that is {current} cannot become {wanted} (allowed: {names})"
        )
