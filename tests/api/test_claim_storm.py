"""Eight workers take two hundred runs at once: none twice, and no GPU by two runs."""

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from device_makers import arrive, gpu, queue

from backend.api.dependencies import get_now
from backend.api.services.leases import LeaseRules, claim_run, end_attempt
from backend.contract.messages import AttemptEnd, Claim, ClaimRequest, Outcome
from backend.contract.settings import Settings
from backend.database.session import Database
from backend.database.tables import Run

RULES = LeaseRules(lease_s=300, max_attempts_without_progress=3)
NUM_RUNS = 200
BOUND_S = 60.0
# Two processes see the same four GPUs, as when two are started on a machine by mistake.
SHARED = tuple(gpu(index, f"GPU-shared-{index}") for index in range(4))
WORKERS: dict[str, tuple[dict[str, Any], ...]] = {
    "shared-a": SHARED,
    "shared-b": SHARED,
    "large": tuple(gpu(index, f"GPU-large-{index}") for index in range(8)),
    "small": (gpu(0, "GPU-small-0", gib=24.0),),
    **{f"cpu-{number}": () for number in range(4)},
}
NEEDS: tuple[dict[str, Any], ...] = (
    {"device": "cpu"},
    {"device": "auto"},
    {"device": "cuda"},
    {"device": "cuda", "devices": 2},
    {"device": "cuda", "devices": 4},
    {"device": "cuda", "devices": 8},
    {"device": "auto", "min_gib": 40.0},
)


@dataclass
class Ledger:
    """Who holds what, kept apart from the database."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    held: dict[str, str] = field(default_factory=dict)
    claimed: list[str] = field(default_factory=list)
    most_held: int = 0
    complaints: list[str] = field(default_factory=list)

    def take(self, worker: str, claim: Claim) -> None:
        with self.lock:
            self.claimed.append(str(claim.run_id))
            for device in claim.gpus or (f"slot of {worker}",):
                if device in self.held:
                    self.complaints.append(f"{device} is held by {self.held[device]}")
                self.held[device] = str(claim.run_id)
            self.most_held = max(self.most_held, len(self.held))

    def give_back(self, worker: str, claim: Claim) -> None:
        with self.lock:
            for device in claim.gpus or (f"slot of {worker}",):
                del self.held[device]


def carry_out(settings: Settings, worker: str, ledger: Ledger, failures: list[Exception]) -> None:
    """Claim and end runs, two at a time, until nothing is left."""
    database = Database.from_settings(settings)
    request = ClaimRequest(worker=worker, slots=1)
    carried: list[Claim] = []
    deadline = time.monotonic() + BOUND_S
    try:
        while len(ledger.claimed) < NUM_RUNS or carried:
            assert time.monotonic() < deadline, "the storm does not end"
            with database.session_scope() as session:
                claim = claim_run(session, request, RULES, now=get_now())
            if claim is not None:
                ledger.take(worker, claim)
                carried.append(claim)
            if carried and (claim is None or len(carried) > 2):
                done = carried.pop(0)
                # Before the database hears of it: what it hands out next is not held any more.
                ledger.give_back(worker, done)
                end = AttemptEnd(fence=done.fence, outcome=Outcome.SUCCEEDED)
                with database.session_scope() as session:
                    end_attempt(session, done.run_id, end, RULES, now=get_now())
            elif claim is None:
                time.sleep(0.01)
    except Exception as error:
        failures.append(error)
    finally:
        database.close()


def test_no_run_is_handed_out_twice_and_no_gpu_to_two_runs(
    database: Database, settings: Settings
) -> None:
    with database.session_scope() as session:
        for name, gpus in WORKERS.items():
            arrive(session, name, *gpus, now=get_now())
        for number in range(NUM_RUNS):
            need = NEEDS[number % len(NEEDS)]
            queue(session, settings.paths, f"run {number}", **need, now=get_now())
    ledger, failures = Ledger(), list[Exception]()
    threads = [
        threading.Thread(target=carry_out, args=(settings, name, ledger, failures))
        for name in WORKERS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ledger.complaints == []
    assert len(ledger.claimed) == len(set(ledger.claimed)) == NUM_RUNS
    assert ledger.held == {}
    # Otherwise nothing would have been at stake.
    assert ledger.most_held > 8
    with database.read_scope() as session:
        statuses = session.execute(sa.select(Run.status, Run.fence).distinct()).all()
    assert [tuple(row) for row in statuses] == [("succeeded", 1)]
