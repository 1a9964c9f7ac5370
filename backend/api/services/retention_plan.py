"""What retention takes away: pure rules over what is there.

Nothing of a run that has not ended, or that a waiting evaluation needs, is ever a candidate. Age
takes everything of a run that ended long ago; the quota takes the oldest of ended runs, but the
last and the best checkpoint of a run only when it ended long enough ago.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from backend.contract.disk import GIB
from backend.contract.settings import Settings

WARN_AT = 0.9
"""So much of quota or age is used when a warning says what will go."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint on disk of a run that has ended."""

    run_id: UUID
    run_name: str
    name: str
    rl_step: int
    size_bytes: int
    ended_at: datetime
    """When its run ended."""
    is_precious: bool
    """It is the last or the best of its run."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How long and how much is kept."""

    quota_bytes: float
    """Infinite without a quota."""
    keep_days: float
    """Infinite when nothing goes by age."""
    keep_best_days: float

    @classmethod
    def of(cls, settings: Settings, share: float = 1.0) -> "Rules":
        """The operator's rules, or those at a share of them: where the warning begins."""
        return cls(
            quota_bytes=share * (settings.checkpoint_quota_bytes or float("inf")),
            keep_days=share * (settings.keep_checkpoints_days or float("inf")),
            keep_best_days=settings.keep_best_days,
        )


@dataclass(frozen=True, slots=True)
class Removal:
    """A checkpoint that goes, and why."""

    checkpoint: Candidate
    reason: str


def plan(
    candidates: Sequence[Candidate], used_bytes: int, rules: Rules, now: datetime
) -> list[Removal]:
    """What goes, in order.

    Args:
        candidates: checkpoints of ended runs that nothing needs.
        used_bytes: what all checkpoints take, those of running runs included.
        rules: what is allowed.
        now: the time.
    """
    removals: list[Removal] = []
    kept: list[Candidate] = []
    for one in sorted(candidates, key=_by_worth):
        if _age_days(one, now) > rules.keep_days:
            reason = f"its run ended more than {rules.keep_days:g} days ago"
            removals.append(Removal(one, reason))
            used_bytes -= one.size_bytes
        else:
            kept.append(one)
    for one in kept:
        if used_bytes <= rules.quota_bytes:
            break
        if one.is_precious and _age_days(one, now) <= rules.keep_best_days:
            continue
        taken, allowed = used_bytes / GIB, rules.quota_bytes / GIB
        reason = f"checkpoints take {taken:.1f} GiB of {allowed:.1f} GiB that they may"
        removals.append(Removal(one, reason))
        used_bytes -= one.size_bytes
    return removals


def is_over(used_bytes: int, removals: Sequence[Removal], rules: Rules) -> bool:
    """Whether checkpoints take more than they may when all removals are done."""
    return used_bytes - sum(one.checkpoint.size_bytes for one in removals) > rules.quota_bytes


def _by_worth(one: Candidate) -> tuple[bool, datetime, int, str]:
    """What may go first: neither last nor best, of the run that ended first, the lowest step."""
    return one.is_precious, one.ended_at, one.rl_step, one.name


def _age_days(one: Candidate, now: datetime) -> float:
    return (now - one.ended_at) / timedelta(days=1)
