"""Which run a worker gets: what fits, in which order, and that a large one is not starved."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from api_caller import NOW

from backend.api.services.scheduling import (
    BYTES_PER_GIB,
    RESERVE_AFTER_S,
    Gpu,
    Offer,
    Placement,
    Waiting,
    choose,
    in_order,
    reserve,
)
from backend.contract.config import (
    EngineConfig,
    EvaluationRunConfig,
    ParallelConfig,
    RLConfig,
    SFTConfig,
)
from backend.contract.devices import DeviceNeed, NeededKind, need_of

CPU_NEED = DeviceNeed(NeededKind.CPU, 1, None)


def cuda(count: int = 1, gib: float | None = None) -> DeviceNeed:
    return DeviceNeed(NeededKind.CUDA, count, gib)


def auto(count: int = 1, gib: float | None = None) -> DeviceNeed:
    return DeviceNeed(NeededKind.AUTO, count, gib)


def waiting(
    number: int, need: DeviceNeed = CPU_NEED, *, priority: int = 0, age_s: float = 0.0
) -> Waiting:
    return Waiting(number, f"run {number}", priority, need, NOW - timedelta(seconds=age_s))


def machine(name: str, *sizes_gib: float, held: Iterable[int] = (), slots_used: int = 0) -> Offer:
    """A worker with GPUs of these sizes, some of them held."""
    gpus = tuple(
        Gpu(f"{name}-{index}", index, int(gib * BYTES_PER_GIB))
        for index, gib in enumerate(sizes_gib)
    )
    uuids = frozenset(f"{name}-{index}" for index in held)
    return Offer(name, gpus, slots=1, held=uuids, slots_used=slots_used)


def pick(
    queue: Iterable[Waiting], *offers: Offer, worker: str
) -> tuple[int, tuple[str, ...]] | None:
    found = choose(in_order(queue), {offer.name: offer for offer in offers}, worker, now=NOW)
    return (found[0].number, found[1].gpus) if found else None


@pytest.mark.parametrize(
    ("need", "offer", "gpus"),
    [
        (CPU_NEED, machine("m"), ()),
        (CPU_NEED, machine("m", 80.0), ()),
        (CPU_NEED, machine("m", slots_used=1), None),
        (auto(), machine("m"), ()),
        # Several CPU processes of one run are one slot.
        (auto(4), machine("m"), ()),
        (auto(), machine("m", 80.0, 80.0), ("m-0",)),
        # A worker with GPUs carries it on them alone: else the same run would be slow by chance.
        (auto(), machine("m", 80.0, held=[0]), None),
        (auto(gib=40.0), machine("m"), None),
        (cuda(), machine("m"), None),
        (cuda(2), machine("m", 80.0, 80.0, 80.0, held=[1]), ("m-0", "m-2")),
        (cuda(2), machine("m", 80.0, 80.0, held=[1]), None),
        (cuda(gib=40.0), machine("m", 24.0, 80.0), ("m-1",)),
        (cuda(2, gib=40.0), machine("m", 24.0, 80.0), None),
        (cuda(gib=80.0), machine("m", 79.6), None),
    ],
)
def test_a_run_gets_what_it_needs_or_nothing(
    need: DeviceNeed, offer: Offer, gpus: tuple[str, ...] | None
) -> None:
    assert offer.place(need) == (None if gpus is None else Placement(gpus))
    assert replace(offer, is_draining=True).place(need) is None


def test_what_a_configuration_needs() -> None:
    rl = RLConfig(model="m", dataset="d", device="cuda", parallel=ParallelConfig(devices=4))
    assert need_of(rl) == cuda(4)
    parallel = ParallelConfig(min_device_memory_gib=40.0)
    sft = SFTConfig(kind="sft", model="m", dataset="d", parallel=parallel)
    assert need_of(sft) == auto(gib=40.0)
    evaluation = EvaluationRunConfig(kind="evaluation", model="m", dataset="d", device="cpu")
    assert need_of(evaluation) == CPU_NEED
    engine = EngineConfig(name="vllm", placement="own_device")
    assert need_of(RLConfig(model="m", dataset="d", engine=engine)) == auto(2)


def test_the_highest_priority_comes_first_and_among_equals_the_oldest() -> None:
    queue = [waiting(1), waiting(2, priority=5), waiting(3, priority=5), waiting(4, priority=-1)]
    assert [run.number for run in in_order(queue)] == [2, 3, 1, 4]
    assert pick(queue, machine("m"), worker="m") == (2, ())


def test_what_does_not_fit_is_passed_over() -> None:
    queue = [waiting(1, cuda(2)), waiting(2, cuda()), waiting(3)]
    busy = machine("m", 80.0, 80.0, held=[0])
    assert pick(queue, busy, worker="m") == (2, ("m-1",))
    assert pick(queue[:1], busy, worker="m") is None


def test_after_its_time_a_large_run_keeps_a_worker_for_itself() -> None:
    old = waiting(1, cuda(2), age_s=RESERVE_AFTER_S)
    young = waiting(1, cuda(2), age_s=RESERVE_AFTER_S - 1)
    busy = machine("m", 80.0, 80.0, held=[0])
    assert pick([young, waiting(2, cuda())], busy, worker="m") == (2, ("m-1",))
    assert pick([old, waiting(2, cuda())], busy, worker="m") is None
    # The CPU is no part of what it waits for, and a higher priority stands before it.
    assert pick([old, waiting(2)], busy, worker="m") == (2, ())
    assert pick([old, waiting(2, cuda(), priority=1)], busy, worker="m") == (2, ("m-1",))
    # Where it fits it goes: nothing is kept elsewhere.
    free = machine("n", 80.0, 80.0)
    assert pick([old, waiting(2, cuda())], busy, free, worker="m") == (2, ("m-1",))
    assert pick([old, waiting(2, cuda())], busy, free, worker="n") == (1, ("n-0", "n-1"))


def test_only_one_worker_is_kept_for_a_run_the_one_with_the_most_free() -> None:
    old = waiting(1, cuda(4), age_s=RESERVE_AFTER_S)
    offers = {
        offer.name: offer
        for offer in (
            machine("a", *[80.0] * 4, held=[0, 1, 2]),
            machine("b", *[80.0] * 4, held=[0]),
            machine("c", *[80.0] * 2),
        )
    }
    kept = {name: run.number for name, run in reserve([old], offers, now=NOW).items()}
    assert kept == {"b": 1}
    drained = offers | {"b": replace(offers["b"], is_draining=True)}
    assert list(reserve([old], drained, now=NOW)) == ["a"]
    # The second of its like waits for the first; another need keeps another worker.
    assert list(reserve([old, replace(old, number=2)], offers, now=NOW)) == ["b"]
    other = waiting(2, cuda(3), age_s=RESERVE_AFTER_S)
    kept = {name: run.number for name, run in reserve([old, other], offers, now=NOW).items()}
    assert kept == {"b": 1, "a": 2}


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_large_run_starts_in_the_end_however_many_small_ones_come(
    monkeypatch: pytest.MonkeyPatch, is_kept: bool
) -> None:
    """Two machines are full of small runs of 8 minutes; every minute one ends and two come."""
    if not is_kept:
        monkeypatch.setattr("backend.api.services.scheduling.RESERVE_AFTER_S", 1e9)
    ends = {f"{name}-{index}": 2 * index + (name == "b") for name in "ab" for index in range(4)}
    queue, started_at = [waiting(0, cuda(4))], None
    for minute in range(60):
        now = NOW + timedelta(minutes=minute)
        queue += [replace(waiting(2 * minute + i, cuda()), since=now) for i in (1, 2)]
        ends = {uuid: end for uuid, end in ends.items() if end > minute}
        for name in ("a", "b"):
            while True:
                held = frozenset(ends)
                offers = {one: replace(machine(one, *[80.0] * 4), held=held) for one in "ab"}
                found = choose(queue, offers, name, now=now)
                if found is None:
                    break
                run, placement = found
                queue.remove(run)
                started_at = started_at if run.number else minute
                ends |= dict.fromkeys(placement.gpus, minute + 8)
    if not is_kept:
        assert started_at is None
    else:
        assert started_at is not None
        assert started_at <= RESERVE_AFTER_S / 60 + 8
