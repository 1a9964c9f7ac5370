"""Runs that are killed and go on, and what of them differs from one that never was.

A judge that rules by the text's checksum stands in for the real one: a random model is never right,
and what depends on right answers (rewards, accuracy of the epoch, the best step) must be at stake.
"""

import multiprocessing
import os
import signal
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import torch

from backend.contract.artifacts import Home, RunFolder
from backend.contract.messages import SampleRecord, StepRecord
from tests.worker.rl.spooled import records
from worker import identity
from worker.journal import Counters
from worker.modeling import checkpoints
from worker.modeling.checkpoints import list_checkpoints, read_checkpoint
from worker.rewards.judge import Verdict
from worker.rl import __main__ as trainer

EVERYTHING_MATTERS = {
    "sampling": {"max_response_tokens": 6},
    "algorithm": {
        "responses_per_rl_step": 2,
        "responses_per_update": 1,
        "kl_coefficient": 0.05,
        "tokens_per_micro_batch": 512,
    },
    "optimizer": {"learning_rate": 1e-3, "warmup_frac": 0.3},
    "evaluation": {
        "max_response_tokens": 4,
        "decoding": [{"k": 1, "temperature": 1.0}],
        "permuted_control": False,
    },
    "reward": {"unfinished_reward": 0.3},
    "checkpoint": {"every_rl_steps": 1, "keep": 1000},
}
"""KL, warm-up and cosine, whitening, two updates a step; every step is saved and kept."""


class ChecksumJudge:
    """Rules by the checksum of the text."""

    def __init__(self, **_: Any) -> None:
        pass

    def __enter__(self) -> "ChecksumJudge":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def verdicts(self, responses: Sequence[tuple[str, str]]) -> list[Verdict]:
        return [
            Verdict(is_correct=zlib.crc32(text.encode()) % 2 == 0, extracted_answer=text)
            for text, _ in responses
        ]


def told(folder: RunFolder) -> dict[tuple[Any, ...], Any]:
    """All that the attempts of a run logged, but for times and memory; the newest attempt's word.

    Axes and metrics by step and key, responses by step and number.
    """
    found: dict[tuple[Any, ...], Any] = {}
    for spool in sorted(folder.spools.glob("*.jsonl")):
        for record in records(folder, int(spool.stem)):
            if isinstance(record, StepRecord):
                axes = (record.epoch, record.samples, record.tokens)
                found["axes", record.rl_step] = axes
                found |= {
                    ("metric", record.rl_step, key): value
                    for key, value in record.metrics.items()
                    if not key.startswith("health/")
                }
            elif isinstance(record, SampleRecord):
                found["sample", record.rl_step, record.index] = record
    return found


def differences(straight: RunFolder, resumed: RunFolder) -> list[str]:
    """What of a resumed run is not, bit for bit, as in the one that was never interrupted."""
    expected, got = told(straight), told(resumed)
    names = [str(key) for key in got if key not in expected or got[key] != expected[key]]
    whole = {path.name.partition(".")[0]: path for path in list_checkpoints(straight.checkpoints)}
    for path in list_checkpoints(resumed.checkpoints):
        step = path.name.partition(".")[0]
        ours, theirs = (read_checkpoint(folder) for folder in (whole[step], path))
        for group in ("weights", "moments", "random"):
            one, other = getattr(ours, group), getattr(theirs, group)
            if one.keys() != other.keys():
                names.append(f"{step} {group}")
            names += [f"{step} {key}" for key in one if not torch.equal(one[key], other[key])]
        for side in (ours, theirs):
            del side.state["counters"]["seconds"]
        if ours.state != theirs.state:
            names.append(f"{step} state")
    return names


KillPoint = tuple[str, int]
"""Name of a place in the loop, and the RL step at which the process dies there."""


def _dying(function: Callable[..., Any], *, when: Callable[[], bool], after: bool) -> Any:
    def die_or_go_on(*args: Any, **kwargs: Any) -> Any:
        if when() and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        if when() and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return die_or_go_on


PLACES: dict[str, tuple[Any, str, bool]] = {
    # name: (owner, attribute, whether it dies after the call)
    "before collection": (trainer.train.__globals__["response_collection"], "collect", False),
    "after collection": (trainer.train.__globals__["response_collection"], "collect", True),
    "before the update": (trainer.train.__globals__["policy_update"], "apply", False),
    "after the update": (trainer.train.__globals__["policy_update"], "apply", True),
    "before the save": (checkpoints, "_check_space", False),
    "after the files are written": (checkpoints, "_write", True),
    "before the rename": (Path, "rename", False),
    "after the rename": (Path, "rename", True),
}
"""Where a trainer is killed; the last is the one after which the step is done."""


def attempt(root: Path, run_id: UUID, fence: int, kill: KillPoint | None) -> None:
    """One attempt in this process; with a kill point it does not return."""
    os.environ.setdefault("MAYE_HOME", str(root))
    home = Home(root)
    trainer.Judge = ChecksumJudge
    identity.CODE = ()  # who edits the source while its tests run does not want them to fail
    if kill is not None:
        place, step = kill
        owner, name, after = PLACES[place]
        reached: list[int] = []
        collect = PLACES["before collection"][0].collect

        def note_step(*args: Any, **kwargs: Any) -> Any:
            reached.append(kwargs["rl_step"])
            if kill == ("before collection", reached[-1]):
                os.kill(os.getpid(), signal.SIGKILL)
            result = collect(*args, **kwargs)
            if kill == ("after collection", reached[-1]):
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        PLACES["before collection"][0].collect = note_step
        if name != "collect":
            dying = _dying(getattr(owner, name), when=lambda: reached[-1:] == [step], after=after)
            setattr(owner, name, dying)
    trainer.run(home, home.run(run_id), fence)


def start_attempt(home: Home, folder: RunFolder, fence: int, kill: KillPoint | None) -> Any:
    """Start an attempt in a process of its own, forked from one that has loaded the libraries."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.worker.rl.interrupted"])
    process = context.Process(
        target=attempt, args=(home.root, UUID(folder.root.name), fence, kill), daemon=True
    )
    process.start()
    return process


def run_attempt(home: Home, folder: RunFolder, fence: int, kill: KillPoint | None) -> None:
    """One attempt in a process of its own, to its end or to the kill point."""
    process = start_attempt(home, folder, fence, kill)
    process.join()
    assert process.exitcode == (0 if kill is None else -signal.SIGKILL), (fence, kill)


def run_here(
    home: Home,
    folder: RunFolder,
    fence: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_forced: bool = False,
) -> None:
    """One attempt in the process of the test."""
    monkeypatch.setattr(trainer, "Judge", ChecksumJudge)
    monkeypatch.setattr(identity, "CODE", ())
    trainer.run(home, folder, fence, is_forced=is_forced)


def counter_names() -> list[str]:
    """The fields of the counters that a resumed run cannot find out by itself.

    The epoch follows from the step; seconds are wall-clock time.
    """
    return [name for name in asdict(Counters()) if name not in ("epoch", "seconds")]
