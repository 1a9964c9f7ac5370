"""The rules of retention, against a thousand made-up situations and some worked out by hand."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.api.services.retention_plan import Candidate, Rules, is_over, plan

NOW = datetime(2026, 1, 31, tzinfo=UTC)
NEVER = float("inf")


def candidate(
    number: int, *, age_days: float = 1, size_bytes: int = 10, is_precious: bool = False
) -> Candidate:
    return Candidate(
        run_id=UUID(int=number),
        run_name=f"run {number}",
        name=f"step-{number:08d}.f1",
        rl_step=number,
        size_bytes=size_bytes,
        ended_at=NOW - timedelta(days=age_days),
        is_precious=is_precious,
    )


def removed(candidates: list[Candidate], used_bytes: int, rules: Rules) -> list[int]:
    return [one.checkpoint.rl_step for one in plan(candidates, used_bytes, rules, NOW)]


def test_nothing_goes_without_rules() -> None:
    old = [candidate(1, age_days=10_000)]
    assert removed(old, 10**18, Rules(NEVER, NEVER, 30)) == []


def test_age_takes_everything_of_a_run_that_ended_long_ago() -> None:
    candidates = [
        candidate(1, age_days=31, is_precious=True),
        candidate(2, age_days=30),
        candidate(3, age_days=31),
    ]
    assert removed(candidates, 30, Rules(NEVER, 30, 30)) == [3, 1]


def test_the_quota_takes_the_oldest_until_the_rest_fits() -> None:
    candidates = [candidate(n, age_days=n) for n in (1, 2, 3, 4)]
    # 45 bytes, of which 5 are a running run's; 25 may stay.
    assert removed(candidates, 45, Rules(25, NEVER, 30)) == [4, 3]
    assert removed(candidates, 25, Rules(25, NEVER, 30)) == []
    assert removed(candidates, 26, Rules(25, NEVER, 30)) == [4]


def test_the_quota_takes_last_and_best_later_and_not_of_young_runs() -> None:
    candidates = [
        candidate(1, age_days=50, is_precious=True),
        candidate(2, age_days=40),
        candidate(3, age_days=20, is_precious=True),
        candidate(4, age_days=1),
    ]
    assert removed(candidates, 40, Rules(0, NEVER, 30)) == [2, 4, 1]
    rules = Rules(0, NEVER, 30)
    assert is_over(40, plan(candidates, 40, rules, NOW), rules)


@settings(max_examples=1000)
@given(
    content=st.lists(
        st.tuples(st.floats(0, 100), st.integers(0, 1000), st.booleans()), max_size=12
    ),
    running_bytes=st.integers(0, 2000),
    quota=st.one_of(st.integers(0, 5000), st.just(NEVER)),
    keep_days=st.one_of(st.floats(0.1, 90), st.just(NEVER)),
    keep_best_days=st.floats(0, 90),
)
def test_any_situation(
    content: list[tuple[float, int, bool]],
    running_bytes: int,
    quota: float,
    keep_days: float,
    keep_best_days: float,
) -> None:
    candidates = [
        candidate(n, age_days=age, size_bytes=size, is_precious=precious)
        for n, (age, size, precious) in enumerate(content)
    ]
    used = running_bytes + sum(one.size_bytes for one in candidates)
    rules = Rules(quota, keep_days, keep_best_days)
    removals = plan(candidates, used, rules, NOW)
    gone = [one.checkpoint for one in removals]
    assert len(set(gone)) == len(gone)
    left = used - sum(one.size_bytes for one in gone)
    kept = [one for one in candidates if one not in gone]
    for one in gone:
        age = (NOW - one.ended_at) / timedelta(days=1)
        assert age > keep_days or not one.is_precious or age > keep_best_days
    for one in kept:
        age = (NOW - one.ended_at) / timedelta(days=1)
        assert age <= keep_days
        # Above the quota only what must not go is left.
        assert left <= quota or (one.is_precious and age <= keep_best_days)
    # No more than needed goes: without the last that the quota took, it would be exceeded.
    if gone and removals[-1].reason.startswith("checkpoints take"):
        assert left + gone[-1].size_bytes > quota
    # The warning is about at least what goes.
    early = plan(candidates, used, Rules(0.9 * quota, 0.9 * keep_days, keep_best_days), NOW)
    assert set(gone) <= {one.checkpoint for one in early}
