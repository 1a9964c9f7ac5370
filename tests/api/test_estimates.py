"""When a queued run starts: from progress and history alone, and None where they say nothing."""

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from api_caller import NOW
from device_makers import arrive, gpu, queue
from sqlalchemy.orm import Session

from backend.api.schemas import QueuePlace
from backend.api.services.leases import LeaseRules, claim_run, end_attempt
from backend.api.services.run_views import show
from backend.contract.messages import AttemptEnd, Claim, ClaimRequest, Outcome
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import RLStep, Run

RULES = LeaseRules(lease_s=1e6, max_attempts_without_progress=3)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def take(session: Session, worker: str, now: datetime) -> Claim:
    claim = claim_run(session, ClaimRequest(worker=worker, slots=1), RULES, now=now)
    assert claim is not None
    return claim


def place_of(session: Session, name: str, now: datetime) -> QueuePlace:
    run = session.scalars(sa.select(Run).where(Run.name == name)).one()
    place = show(session, run, now).queue
    assert place is not None
    return place


def carry_out(session: Session, worker: str, seconds: float, outcome: Outcome) -> None:
    """One run that ended after some seconds, started at NOW."""
    claim = take(session, worker, NOW)
    end = AttemptEnd(fence=claim.fence, outcome=outcome)
    end_attempt(session, claim.run_id, end, RULES, now=later(seconds))


def log_progress(session: Session, claim: Claim, rl_step: int, total: int, seconds: float) -> None:
    run = session.get_one(Run, claim.run_id)
    run.rl_step, run.total_rl_steps = rl_step, total
    session.add(
        RLStep(
            run_id=run.id,
            rl_step=rl_step,
            epoch=1.0,
            samples=1,
            tokens=1,
            seconds=seconds,
            logged_at=NOW,
            fence=claim.fence,
        )
    )
    session.flush()


def test_nothing_is_guessed_without_progress_or_history(
    database: Database, settings: Settings
) -> None:
    with database.session_scope() as session:
        arrive(session, "host")
        for name in "ab":
            queue(session, settings.paths, name, device="cpu")
        take(session, "host", NOW)
        assert place_of(session, "b", NOW).starts_in_s is None


def test_the_pace_of_the_run_that_holds_the_slot_says_when_the_next_starts(
    database: Database, settings: Settings
) -> None:
    with database.session_scope() as session:
        arrive(session, "host")
        for name in "abc":
            queue(session, settings.paths, name, device="cpu")
        # 30 s for 10 steps, 40 steps left: 120 s.
        log_progress(session, take(session, "host", NOW), 10, 50, 30.0)
        assert place_of(session, "b", later(5)).starts_in_s == pytest.approx(120.0)
        # Nobody knows how long b will take.
        assert place_of(session, "c", later(5)).starts_in_s is None


def test_ended_runs_of_the_same_sort_say_how_long_those_before_it_take(
    database: Database, settings: Settings
) -> None:
    with database.session_scope() as session:
        arrive(session, "host")
        for name, seconds in (("x", 100.0), ("y", 300.0), ("z", 110.0)):
            queue(session, settings.paths, name, device="cpu", epochs=10)
            carry_out(session, "host", seconds, Outcome.SUCCEEDED)
        queue(session, settings.paths, "failed", device="cpu", epochs=10)
        carry_out(session, "host", 1.0, Outcome.FAILED)
        arrive(session, "host", now=later(400))
        for name in "abc":
            queue(session, settings.paths, name, device="cpu", epochs=20, now=later(400))
        take(session, "host", later(400))
        # The median is 11 s per epoch: 220 s each, of which a has spent 20 s.
        assert place_of(session, "b", later(420)).starts_in_s == pytest.approx(200.0)
        assert place_of(session, "c", later(420)).starts_in_s == pytest.approx(420.0)
        # A run that takes longer than its like gives no hint any more.
        arrive(session, "host", now=later(700))
        assert place_of(session, "b", later(700)).starts_in_s is None


def test_another_model_or_number_of_devices_is_another_sort(
    database: Database, settings: Settings
) -> None:
    with database.session_scope() as session:
        arrive(session, "host")
        queue(session, settings.paths, "x", device="cpu", devices=2)
        carry_out(session, "host", 100.0, Outcome.SUCCEEDED)
        arrive(session, "host", now=later(200))
        for name in "ab":
            queue(session, settings.paths, name, device="cpu", now=later(200))
        take(session, "host", later(200))
        assert place_of(session, "b", later(200)).starts_in_s is None


def test_a_run_of_several_gpus_waits_for_the_last_of_them(
    database: Database, settings: Settings
) -> None:
    with database.session_scope() as session:
        arrive(session, "host", *(gpu(index, f"GPU-{index}") for index in range(3)))
        for name in "abc":
            queue(session, settings.paths, name, device="cuda")
        for seconds in (10.0, 20.0, 40.0):
            log_progress(session, take(session, "host", NOW), 1, 11, seconds / 10)
        queue(session, settings.paths, "pair", device="cuda", devices=2)
        queue(session, settings.paths, "single", device="cuda")
        assert place_of(session, "pair", later(1)).starts_in_s == pytest.approx(20.0)
        # The pair takes the first two GPUs for nobody knows how long; the third is free at 40 s.
        assert place_of(session, "single", later(1)).starts_in_s == pytest.approx(40.0)


def test_a_run_that_fits_now_starts_at_once_and_one_that_never_fits_at_no_time(
    database: Database, settings: Settings
) -> None:
    with database.session_scope() as session:
        arrive(session, "host")
        queue(session, settings.paths, "now", device="cpu")
        queue(session, settings.paths, "never", device="cuda")
        assert place_of(session, "now", NOW).starts_in_s == 0.0
        assert place_of(session, "never", NOW).starts_in_s is None
