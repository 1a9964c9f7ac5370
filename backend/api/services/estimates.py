"""When a queued run will start, as far as it is known; None rather than a guess."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from backend.api.services.capacity import Held
from backend.api.services.scheduling import Gpu, Offer, Waiting
from backend.contract.devices import DeviceNeed
from backend.contract.runs import RunStatus
from backend.database.tables import RLStep, Run

UNKNOWN = math.inf
NUM_ENDED = 20
"""So many of the newest succeeded runs say how long one of their sort takes."""
Sort = tuple[str, str, str, str, int]
"""Kind, model, data set, kind of device and number of devices: what runs of one sort share."""


@dataclass(slots=True)
class Timeline:
    """From when on each device is free, in s from now."""

    gpus: dict[str, float]
    """By UUID; one that is not listed is free now."""
    slots: dict[str, list[float]]
    """By worker, one entry for each of its slots."""

    def start_of(self, need: DeviceNeed, offers: Iterable[Offer], duration_s: float) -> float:
        """Give a run the devices on which it starts first; when that is, UNKNOWN if ever."""
        able = [offer for offer in offers if not offer.is_draining and offer.could_carry(need)]
        if not able:
            return UNKNOWN
        best = min(able, key=lambda offer: (self._earliest(need, offer), offer.name))
        start_s = self._earliest(need, best)
        if best.needs_gpus(need):
            for gpu in self._soonest(need, best):
                self.gpus[gpu.uuid] = start_s + duration_s
        else:
            slots = self.slots[best.name]
            slots[slots.index(min(slots))] = start_s + duration_s
        return start_s

    def _soonest(self, need: DeviceNeed, offer: Offer) -> list[Gpu]:
        """The GPUs of a worker that are free first."""
        by_time = sorted(offer.suitable(need), key=lambda gpu: self.gpus.get(gpu.uuid, 0.0))
        return by_time[: need.num_devices]

    def _earliest(self, need: DeviceNeed, offer: Offer) -> float:
        if offer.needs_gpus(need):
            return max(self.gpus.get(gpu.uuid, 0.0) for gpu in self._soonest(need, offer))
        return min(self.slots[offer.name])


def estimate_start(
    number: int,
    queue: Sequence[Waiting],
    offers: Mapping[str, Offer],
    *,
    remaining_s: Iterable[tuple[Held, float]],
    durations_s: Mapping[int, float],
) -> float | None:
    """Seconds until a queued run starts, were nothing queued before it later.

    Runs are taken in order, each to the worker where it starts first. What is not known counts as
    endless, so that an estimate rests on known numbers alone.

    Args:
        number: The run.
        queue: Queued runs, in order.
        offers: Present workers.
        remaining_s: Runs that hold devices, with the seconds that they still need or UNKNOWN.
        durations_s: Run number to the seconds that it will take; UNKNOWN where it is left out.
    """
    timeline = Timeline({}, {name: [0.0] * offer.slots for name, offer in offers.items()})
    for held, rest_s in remaining_s:
        slots = timeline.slots.get(held.owner, [])
        if not held.gpus and slots:
            slots[slots.index(min(slots))] = rest_s
        for uuid in held.gpus:
            timeline.gpus[uuid] = rest_s
    for run in queue:
        duration_s = durations_s.get(run.number, UNKNOWN)
        start_s = timeline.start_of(run.need, offers.values(), duration_s)
        if run.number == number:
            return start_s if math.isfinite(start_s) else None
    return None


_SORT = (Run.kind, Run.model, Run.dataset, Run.device_kind, Run.num_devices)
_PASSES = sa.func.coalesce(Run.config["epochs"].as_integer(), 1).label("passes")
"""Passes over the training split; an evaluation, which has no epochs, counts as one."""


class History:
    """What ended runs and the progress of running ones say about time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._s_per_pass: dict[Sort, float] = {}

    def durations_of(self, numbers: Sequence[int]) -> dict[int, float]:
        """Run number to the seconds that it will take; UNKNOWN where no such run has succeeded."""
        query = sa.select(Run.number, *_SORT, _PASSES).where(Run.number.in_(numbers))
        return {
            row.number: self._duration_of(_sort_of(row), row.passes)
            for row in self._session.execute(query)
        }

    def remaining_of(self, held: Sequence[Held], now: datetime) -> list[tuple[Held, float]]:
        """Each run with the seconds that it still needs; UNKNOWN where nothing says it."""
        query = sa.select(
            *(Run.id, Run.attempt, Run.started_at, Run.total_rl_steps, *_SORT, _PASSES)
        ).where(Run.id.in_([run.id for run in held]))
        rows = {row.id: row for row in self._session.execute(query)}
        return [
            (run, self._remaining_of(rows[run.id], now) if run.id in rows else UNKNOWN)
            for run in held
        ]

    def _remaining_of(self, run: Any, now: datetime) -> float:
        """By its own pace if it has one, else by how long such runs took."""
        newest = self._session.execute(
            sa.select(RLStep.rl_step, RLStep.seconds)
            .where(RLStep.run_id == run.id)
            .order_by(RLStep.rl_step.desc())
            .limit(1)
        ).first()
        if newest is not None and newest.rl_step > 0 and run.total_rl_steps:
            left = max(run.total_rl_steps - newest.rl_step, 0)
            return left * newest.seconds / newest.rl_step
        # Of a run that was interrupted nobody knows how much is left to do.
        if run.started_at is None or run.attempt != 1:
            return UNKNOWN
        spent_s = (now - run.started_at).total_seconds()
        rest_s = self._duration_of(_sort_of(run), run.passes) - spent_s
        return rest_s if rest_s > 0 else UNKNOWN

    def _duration_of(self, sort: Sort, passes: int) -> float:
        if sort not in self._s_per_pass:
            self._s_per_pass[sort] = self._measure(sort)
        return self._s_per_pass[sort] * passes

    def _measure(self, sort: Sort) -> float:
        """Median seconds per pass over the data of succeeded runs that were not interrupted."""
        query = (
            sa.select(Run.started_at, Run.finished_at, _PASSES)
            .where(
                Run.status == RunStatus.SUCCEEDED,
                Run.attempt == 1,
                Run.is_imported.is_(False),
                *(column == value for column, value in zip(_SORT, sort, strict=True)),
            )
            .order_by(Run.number.desc())
            .limit(NUM_ENDED)
        )
        times = [
            (finished_at - started_at).total_seconds() / passes
            for started_at, finished_at, passes in self._session.execute(query)
            if started_at is not None and finished_at is not None
        ]
        return median(times) if times else UNKNOWN


def _sort_of(row: Any) -> Sort:
    return (row.kind, row.model, row.dataset, row.device_kind, row.num_devices)
