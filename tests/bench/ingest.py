"""Metrics into SQLite and PostgreSQL: how many, how soon they are seen, how a run is deleted."""

import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import sqlalchemy as sa

from backend.api.changefeed import POLL_S
from backend.api.relay import PAUSE_S
from backend.api.services import deletion
from backend.api.services.changes import collect_changes, read_position
from backend.api.services.ingest import ingest
from backend.contract.messages import IngestBatch, StepRecord
from backend.contract.metrics import CATALOGUE
from backend.contract.runs import RunStatus
from backend.database.migrate import upgrade
from backend.database.session import Database
from backend.database.tables import MetricPoint, Run
from tests.postgres import running_postgres

NUM_KEYS = 20
FENCE = 1
SECONDS = 4.0
"""How long each rate is measured, in each of ROUNDS rounds."""
ROUNDS = 3
NUM_RUNS = 8
STEPS_PER_S = 100
"""What each of NUM_RUNS runs logs while the age of points is measured: 16,000 points a second."""
LIVE_SECONDS = 8.0
SHIP_S = 0.2
NUM_POINTS = 1_000_000
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@contextmanager
def open_databases() -> Iterator[dict[str, Database]]:
    """One of each kind, both on a disk, as durable as in production."""
    with tempfile.TemporaryDirectory() as folder, running_postgres(is_durable=True) as server:
        urls = {
            "sqlite": f"sqlite:///{Path(folder) / 'maye.db'}",
            "postgresql": server.create_empty(),
        }
        databases = {kind: Database(url) for kind, url in urls.items()}
        try:
            for database in databases.values():
                upgrade(database)
            yield databases
        finally:
            for database in databases.values():
                database.close()


def add_run(database: Database) -> UUID:
    """A run that a worker carries out."""
    run = Run(
        id=uuid4(),
        number=time.monotonic_ns(),
        seq=0,
        name="bench",
        kind="rl",
        model="none",
        dataset="none",
        seed=0,
        config={},
        status=RunStatus.RUNNING,
        fence=FENCE,
        phase="",
        created_at=datetime.now(UTC),
    )
    with database.session_scope() as session:
        session.add(run)
    return run.id


def find_keys() -> list[str]:
    """Metrics without labels."""
    return [metric.name for metric in CATALOGUE.values() if not metric.labels][:NUM_KEYS]


def make_batch(keys: Sequence[str], first_step: int, num_steps: int) -> IngestBatch:
    """Steps with all keys, as a runner ships them."""
    now = datetime.now(UTC)
    records = [
        StepRecord(
            rl_step=rl_step,
            epoch=rl_step / 100,
            samples=rl_step,
            tokens=rl_step,
            seconds=float(rl_step),
            logged_at=now,
            metrics=dict.fromkeys(keys, rl_step / 7),
        )
        for rl_step in range(first_step, first_step + num_steps)
    ]
    return IngestBatch(fence=FENCE, records=records)


def store(database: Database, run_id: UUID, batch: IngestBatch) -> None:
    """What the API does with a batch."""
    with database.session_scope() as session:
        ingest(session, run_id, batch, now=datetime.now(UTC))


def measure_rate(database: Database, rows_per_batch: int, seconds: float = SECONDS) -> float:
    """Points a second that one run can log."""
    run_id, keys, num_steps = add_run(database), find_keys(), rows_per_batch // NUM_KEYS
    started, spent_s, num_points = time.perf_counter(), 0.0, 0
    for first in count(1, num_steps):
        batch = make_batch(keys, first, num_steps)
        began = time.perf_counter()
        store(database, run_id, batch)
        spent_s += time.perf_counter() - began
        num_points += num_steps * len(keys)
        if time.perf_counter() - started > seconds:
            return num_points / spent_s
    raise AssertionError


@dataclass
class Live:
    """What writers sent and a reader saw."""

    sent_at: dict[tuple[str, int], float] = field(default_factory=dict)
    ages_s: list[float] = field(default_factory=list)
    num_points: int = 0


def measure_age(database: Database, seconds: float = LIVE_SECONDS) -> tuple[Live, float]:
    """Ages of newest points at a reader that follows as the stream does; and the seconds it took.

    Points are as old as the batch that they came in: what the trainer's spool adds is not here.
    """
    live, is_over, keys = Live(), threading.Event(), find_keys()
    run_ids = [add_run(database) for _ in range(NUM_RUNS)]
    with database.read_scope() as session:
        position = read_position(session)
    num_steps = round(STEPS_PER_S * SHIP_S)
    num_batches = round(seconds / SHIP_S)
    started = time.perf_counter()

    def write(index: int, run_id: UUID) -> None:
        for number in range(num_batches):
            due = started + SHIP_S * (number + index / NUM_RUNS)
            time.sleep(max(0.0, due - time.perf_counter()))
            first = 1 + number * num_steps
            batch = make_batch(keys, first, num_steps)
            live.sent_at[str(run_id), first + num_steps - 1] = time.perf_counter()
            store(database, run_id, batch)

    with ThreadPoolExecutor(NUM_RUNS + 1) as pool:
        reading = pool.submit(_follow, database, position, live, is_over)
        for writing in [pool.submit(write, *numbered) for numbered in enumerate(run_ids)]:
            writing.result()
        took_s = time.perf_counter() - started
        is_over.set()
        reading.result()
    return live, took_s


def _follow(database: Database, position: int, live: Live, is_over: threading.Event) -> None:
    while True:
        is_last = is_over.is_set()
        with database.read_scope() as session:
            changes = collect_changes(session, position, frozenset(), now=datetime.now(UTC))
        position = changes.last
        seen_at = time.perf_counter()
        for change in changes.changes:
            if change.event == "metrics":
                told = json.loads(change.data)
                newest = max(point["rl_step"] for point in told["points"])
                live.num_points += len(told["points"])
                sent = live.sent_at.get((told["run_id"], newest))
                if sent is not None:
                    live.ages_s.append(seen_at - sent)
        if is_last and not changes.changes:
            return
        if not changes.changes:
            time.sleep(POLL_S)


def fill(database: Database, num_points: int) -> UUID:
    """A run with many points, which has succeeded."""
    run_id, keys = add_run(database), find_keys()
    for first in range(0, num_points, 20_000):
        rows = [
            {
                "run_id": run_id,
                "key": keys[i % NUM_KEYS],
                "rl_step": i // NUM_KEYS,
                "value": float(i),
                "nonfinite": None,
                "fence": FENCE,
                "seq": 0,
            }
            for i in range(first, min(first + 20_000, num_points))
        ]
        with database.session_scope() as session:
            session.execute(sa.insert(MetricPoint), rows)
    with database.session_scope() as session:
        session.get_one(Run, run_id).status = RunStatus.SUCCEEDED
    return run_id


def measure_deletion(database: Database, num_points: int = NUM_POINTS) -> dict[str, float]:
    """Deleting a large run while another one logs 100 points every 20 ms."""
    run_id = fill(database, num_points)
    logging_id, keys, is_over = add_run(database), find_keys(), threading.Event()
    waits: dict[bool, list[float]] = {False: [], True: []}
    is_deleting = threading.Event()

    def log() -> None:
        for first in count(1, 5):
            batch = make_batch(keys, first, 5)
            began, was_deleting = time.perf_counter(), is_deleting.is_set()
            store(database, logging_id, batch)
            waits[was_deleting].append(time.perf_counter() - began)
            if is_over.wait(0.02):
                return

    with ThreadPoolExecutor(1) as pool:
        logging = pool.submit(log)
        time.sleep(2)
        is_deleting.set()
        began = time.perf_counter()
        with database.session_scope() as session:
            deletion.delete_run(session, run_id, now=datetime.now(UTC))
        gone_s = time.perf_counter() - began
        remove = partial(_remove_piece, database, run_id)
        while remove():
            time.sleep(PAUSE_S)
        removed_s = time.perf_counter() - began
        is_over.set()
        logging.result()
    return {
        "a million points: gone from lists, ms": 1000 * gone_s,
        "a million points: all rows gone, s": removed_s,
        "ingest before, longest ms": 1000 * max(waits[False]),
        "ingest meanwhile, median ms": 1000 * float(np.median(waits[True])),
        "ingest meanwhile, longest ms": 1000 * max(waits[True]),
    }


def _remove_piece(database: Database, run_id: UUID) -> int:
    """As the relay does: a look at what there is, and one piece."""
    with database.read_scope() as session:
        deletion.list_unfinished(session)
    with database.session_scope() as session:
        return deletion.remove_rows(session, run_id)


def measure() -> dict[str, float]:
    """Both databases in turn, each rate as the median of its rounds."""
    figures: dict[str, float] = {}
    with open_databases() as databases:
        for rows in (100, 1000):
            rates = {kind: list[float]() for kind in databases}
            for _ in range(ROUNDS):
                for kind, database in databases.items():
                    rates[kind].append(measure_rate(database, rows))
            for kind, found in rates.items():
                name = f"{NAMES[kind]}: points/s in batches of {rows}"
                figures[name] = float(np.median(found))
        for kind, database in databases.items():
            live, took_s = measure_age(database)
            p50, p99 = np.percentile(live.ages_s, [50, 99])
            figures[f"{NAMES[kind]}: live points/s of 16,000"] = live.num_points / took_s
            figures[f"{NAMES[kind]}: age at a reader, p50 ms"] = 1000 * float(p50)
            figures[f"{NAMES[kind]}: age at a reader, p99 ms"] = 1000 * float(p99)
        for kind, database in databases.items():
            found = measure_deletion(database)
            figures |= {f"{NAMES[kind]}: {what}": value for what, value in found.items()}
    figures["load"] = os.getloadavg()[0]
    return figures
