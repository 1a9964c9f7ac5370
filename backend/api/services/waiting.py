"""Where a queued run stands, and why it has not started, in words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from backend.api.schemas import QueuePlace
from backend.api.services.capacity import (
    Held,
    build_offers,
    is_present,
    load_held,
    load_queue,
    load_workers,
)
from backend.api.services.estimates import History, estimate_start
from backend.api.services.scheduling import BYTES_PER_GIB, Offer, Waiting, reserve
from backend.contract.devices import DeviceNeed
from backend.contract.runs import RunStatus
from backend.database.tables import Run, Worker

MAX_NAMES = 3
"""So many runs or workers are named."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What queued runs wait for: each other, workers, and the runs that hold them."""

    runs: list[Waiting]
    """In order."""
    workers: list[Worker]
    """All that are known."""
    offers: dict[str, Offer]
    """Of those that are there."""
    held: list[Held]
    kept: dict[str, Waiting]
    """Workers whose GPUs are kept free, and for which run."""
    now: datetime

    @classmethod
    def load(cls, session: Session, now: datetime) -> "Queue":
        """Read it."""
        runs, workers, held = load_queue(session), load_workers(session), load_held(session, now)
        offers = build_offers((worker for worker in workers if is_present(worker, now)), held)
        return cls(runs, workers, offers, held, reserve(runs, offers, now=now), now)

    def places(self, numbers: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Run number to its position among its rivals, from 1, and to how many those are."""
        wanted, found = set(numbers), dict[int, int]()
        ahead: Counter[DeviceNeed] = Counter()
        needs = {run.need for run in self.runs}
        rivals = {need: [other for other in needs if self._compete(need, other)] for need in needs}
        totals = Counter(run.need for run in self.runs)
        sizes: dict[int, int] = {}
        for run in self.runs:
            if run.number in wanted:
                found[run.number] = 1 + sum(ahead[need] for need in rivals[run.need])
                sizes[run.number] = sum(totals[need] for need in rivals[run.need])
            ahead[run.need] += 1
        return {number: (place, sizes[number]) for number, place in found.items()}

    def explain(self, run: Waiting) -> str:
        """What a run waits for."""
        if not self.workers:
            return "no worker has asked for work yet"
        if not self.offers:
            newest = max(self.workers, key=lambda worker: worker.last_seen_at)
            return f"no worker is there: {self._describe_absence(newest)}"
        able = [offer for offer in self.offers.values() if offer.could_carry(run.need)]
        if not able:
            return self._describe_lack(run.need)
        ready = [offer for offer in able if not offer.is_draining]
        if not ready:
            return f"{_name_workers(able)} {'is' if len(able) == 1 else 'are'} draining"
        free = [offer for offer in ready if offer.place(run.need)]
        for offer in free:
            holder = self.kept.get(offer.name)
            if not offer.needs_gpus(run.need) or holder is None or not _is_behind(run, holder):
                return f"worker {offer.name!r} has been called"
        if free:
            holder = self.kept[free[0].name]
            return (
                f"worker {free[0].name!r} is kept free for run {holder.name!r}, which needs "
                f"{holder.need.num_devices} GPUs at once and has waited for long"
            )
        return self._describe_full(run.need, ready)

    def _compete(self, need: DeviceNeed, other: DeviceNeed) -> bool:
        """Whether two runs could go to the same devices."""
        able = [offer for offer in self.offers.values() if offer.could_carry(need)]
        if need == other or not able:
            return bool(need.kinds & other.kinds)
        return any(
            offer.could_carry(other) and offer.needs_gpus(need) == offer.needs_gpus(other)
            for offer in able
        )

    def _describe_absence(self, worker: Worker) -> str:
        minutes = int((self.now - worker.last_seen_at).total_seconds() // 60)
        return f"{worker.name!r} was last heard of {minutes} min ago"

    def _describe_lack(self, need: DeviceNeed) -> str:
        """What no worker that is there has."""
        absent = [worker for worker in self.workers if worker.name not in self.offers]
        able = [
            next(worker for worker in absent if worker.name == offer.name)
            for offer in build_offers(absent, ()).values()
            if offer.could_carry(need)
        ]
        hope = f" ({self._describe_absence(able[0])} and would do)" if able else ""
        with_gpus = [offer for offer in self.offers.values() if offer.gpus]
        if not with_gpus:
            return f"no worker with a GPU is there{hope}"
        memory = "" if need.min_memory_gib is None else f" of {need.min_memory_gib:g} GiB"
        if not any(offer.suitable(need) for offer in with_gpus):
            largest = max(gpu.memory_bytes for offer in with_gpus for gpu in offer.gpus)
            return (
                f"needs a GPU{memory}; the largest there is has "
                f"{largest / BYTES_PER_GIB:.1f} GiB{hope}"
            )
        most = max(len(offer.suitable(need)) for offer in with_gpus)
        return f"needs {need.num_devices} GPUs{memory} at once; the largest worker has {most}{hope}"

    def _describe_full(self, need: DeviceNeed, ready: list[Offer]) -> str:
        """What holds the worker that has the most left."""
        best = min(ready, key=lambda offer: (-len(offer.free(need)), offer.name))
        if not best.needs_gpus(need):
            names = [run.name for run in self.held if run.owner == best.name and not run.gpus]
            if best.slots == 1:
                return f"{_name_runs(names)} holds the only slot of worker {best.name!r}"
            return f"{len(names)} runs hold all {best.slots} slots of worker {best.name!r}"
        suitable, free = best.suitable(need), best.free(need)
        uuids = {gpu.uuid for gpu in suitable} & best.held
        names = [run.name for run in self.held if uuids & set(run.gpus)]
        holds = "hold" if len(names) > 1 else "holds"
        if len(suitable) == 1:
            return f"{_name_runs(names)} {holds} the only GPU that fits, of worker {best.name!r}"
        how_many = f"needs {need.num_devices} GPUs at once: " if need.num_devices > 1 else ""
        num_held = len(suitable) - len(free)
        which = "all" if not free else f"{num_held} of"
        return (
            f"{how_many}{_name_runs(names)} {holds} {which} {len(suitable)} GPUs of worker "
            f"{best.name!r}"
        )


def explain_waiting(session: Session, runs: Sequence[Run], now: datetime) -> dict[int, str]:
    """Run number to the reason, for those of the runs that are queued."""
    numbers = [run.number for run in runs if run.status == RunStatus.QUEUED]
    if not numbers:
        return {}
    queue = Queue.load(session, now)
    places = queue.places(numbers)
    # Of hundreds of queued runs many wait for the same.
    causes: dict[tuple[object, ...], str] = {}
    texts: dict[int, str] = {}
    for run in queue.runs:
        if run.number not in places:
            continue
        key = (run.need, *(_is_behind(run, holder) for holder in queue.kept.values()))
        causes[key] = causes.get(key) or queue.explain(run)
        texts[run.number] = f"position {places[run.number][0]} in the queue: {causes[key]}"
    return texts


def locate(session: Session, run: Run, now: datetime) -> QueuePlace | None:
    """Where a run stands in the queue; None unless it is queued."""
    if run.status != RunStatus.QUEUED:
        return None
    queue = Queue.load(session, now)
    waiting = next((one for one in queue.runs if one.number == run.number), None)
    if waiting is None:
        return None
    position, num_queued = queue.places([run.number])[run.number]
    history = History(session)
    ahead = queue.runs[: queue.runs.index(waiting)]
    starts_in_s = estimate_start(
        run.number,
        queue.runs,
        queue.offers,
        remaining_s=history.remaining_of(queue.held, now),
        durations_s=history.durations_of([one.number for one in ahead]),
    )
    return QueuePlace(
        position=position,
        num_queued=num_queued,
        waits_for=queue.explain(waiting),
        starts_in_s=starts_in_s,
    )


def _is_behind(run: Waiting, holder: Waiting) -> bool:
    """Whether a run is served after, or as, the one for which a worker is kept."""
    return (-run.priority, run.number) > (-holder.priority, holder.number)


def _name_workers(offers: Sequence[Offer]) -> str:
    names = [repr(offer.name) for offer in offers]
    return f"worker{'s' if len(names) > 1 else ''} {_enumerate(names)}"


def _name_runs(names: Sequence[str]) -> str:
    return f"run{'s' if len(names) > 1 else ''} {_enumerate([repr(name) for name in names])}"


def _enumerate(names: Sequence[str]) -> str:
    if len(names) > MAX_NAMES:
        return f"{', '.join(names[:MAX_NAMES])} and {len(names) - MAX_NAMES} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
