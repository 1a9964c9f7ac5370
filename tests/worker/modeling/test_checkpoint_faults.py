"""Disks that lie, fill up and break: every damage is found, and a whole checkpoint always stays."""

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from backend.contract.config import CheckpointConfig
from backend.contract.errors import CheckpointNotSavedError, DiskFullError, ResumeRefusedError
from backend.contract.messages import CheckpointRecord, NoticeRecord, StepRecord
from tests.worker.modeling.test_checkpoints import save, trained
from worker.journal import Counters, Journal
from worker.modeling import checkpoints
from worker.modeling.checkpoints import list_checkpoints, load_newest, remove_old

Corruption = Callable[[random.Random, Path, Path], None]
"""Damages the newest checkpoint; the last argument is the one before."""


def any_file(rng: random.Random, folder: Path) -> Path:
    return rng.choice(sorted(folder.iterdir()))


def flip_a_bit(rng: random.Random, newest: Path, _: Path) -> None:
    file = any_file(rng, newest)
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def truncate(rng: random.Random, newest: Path, _: Path) -> None:
    file = any_file(rng, newest)
    os.truncate(file, rng.randrange(file.stat().st_size))


def delete_a_file(rng: random.Random, newest: Path, _: Path) -> None:
    any_file(rng, newest).unlink()


def take_a_file_of_the_one_before(rng: random.Random, newest: Path, before: Path) -> None:
    # The generators' states may be the same in both: that is no damage.
    name = rng.choice(sorted({file.name for file in newest.iterdir()} - {"random.safetensors"}))
    shutil.copy(before / name, newest / name)


def take_all_files_of_the_one_before(_: random.Random, newest: Path, before: Path) -> None:
    for file in before.iterdir():
        shutil.copy(file, newest / file.name)


def swap_two_files(rng: random.Random, newest: Path, _: Path) -> None:
    one, other = rng.sample(sorted(newest.iterdir()), 2)
    one.rename(newest / "x")
    other.rename(one)
    (newest / "x").rename(other)


def append_garbage(rng: random.Random, newest: Path, _: Path) -> None:
    with any_file(rng, newest).open("ab") as file:
        file.write(rng.randbytes(rng.randrange(1, 5000)))


def add_a_file(rng: random.Random, newest: Path, _: Path) -> None:
    (newest / rng.choice(["extra", "weights.bin", ".hidden"])).write_bytes(rng.randbytes(9))


def zero_a_page(rng: random.Random, newest: Path, _: Path) -> None:
    file = any_file(rng, newest)
    content = bytearray(file.read_bytes())
    start = rng.randrange(len(content)) // 64 * 64
    zeros = bytes(len(content[start : start + 64]))
    if content[start : start + 64] == zeros:
        zeros = b"\xff" * len(zeros)
    content[start : start + 64] = zeros
    file.write_bytes(content)


CORRUPTIONS: tuple[Corruption, ...] = (
    flip_a_bit,
    truncate,
    delete_a_file,
    take_a_file_of_the_one_before,
    take_all_files_of_the_one_before,
    swap_two_files,
    append_garbage,
    add_a_file,
    zero_a_page,
)


def step_of(folder: Path) -> int:
    checkpoint, _ = load_newest(folder)
    assert checkpoint is not None
    return checkpoint.state["counters"]["rl_step"]


def test_200_random_corruptions_are_all_found_and_the_checkpoint_before_is_used(tmp_path):
    whole, damaged = tmp_path / "whole", tmp_path / "damaged"
    before, newest = (save(whole, step).name for step in (1, 2))
    for number in range(200):
        rng, corrupt = random.Random(number), CORRUPTIONS[number % len(CORRUPTIONS)]
        shutil.copytree(whole, damaged)
        corrupt(rng, damaged / newest, damaged / before)
        checkpoint, problems = load_newest(damaged)
        told = f"corruption {number}, {corrupt.__name__}"
        assert checkpoint is not None, told
        assert checkpoint.state["counters"]["rl_step"] == 1, told
        assert newest in problems[0], told
        assert [path.name for path in list_checkpoints(damaged)] == [before], told
        shutil.rmtree(damaged)


def test_a_checkpoint_of_an_older_format_is_refused_and_left_alone(tmp_path):
    name = save(tmp_path, 1).name
    manifest = tmp_path / name / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(ResumeRefusedError, match=f"{name} is of format 1"):
        load_newest(tmp_path)
    assert (tmp_path / name).is_dir()


class Crash(BaseException):
    """The machine goes down."""


CALLS = (
    (checkpoints, "save_file"),
    (checkpoints, "_sync"),
    (checkpoints, "hash_file"),
    (Path, "mkdir"),
    (Path, "write_text"),
    (Path, "rename"),
)


def fail_at(patch: pytest.MonkeyPatch, number: int, error: BaseException) -> list[str]:
    """Let the n-th call that touches the disk fail; the calls so far."""
    calls: list[str] = []

    def counted(name, call):
        def count(*args, **kwargs):
            calls.append(name)
            if len(calls) == number:
                raise error
            return call(*args, **kwargs)

        return count

    for owner, name in CALLS:
        patch.setattr(owner, name, counted(name, getattr(owner, name)))
    return calls


def number_of_calls(folder: Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        calls = fail_at(patch, 0, Crash())
        save(folder, 1)
    return len(calls)


def test_a_crash_at_any_call_leaves_a_whole_checkpoint(tmp_path):
    total = number_of_calls(tmp_path / "counted")
    assert total > 15
    for number in range(1, total + 1):
        folder = tmp_path / str(number)
        save(folder, 1)
        with pytest.MonkeyPatch.context() as patch:
            fail_at(patch, number, Crash())
            with pytest.raises(Crash):
                save(folder, 2)
        assert step_of(folder) in (1, 2)
        save(folder, 3, fence=2)
        remove_old(folder, 2)
        assert step_of(folder) == 3
        assert not list(folder.glob("*.partial"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_an_error_of_the_disk_at_any_call_leaves_the_checkpoint_before_and_nothing_partial(
    tmp_path, code
):
    total = number_of_calls(tmp_path / "counted")
    for number in range(1, total + 1):
        folder = tmp_path / str(number)
        save(folder, 1)
        with pytest.MonkeyPatch.context() as patch:
            fail_at(patch, number, OSError(code, os.strerror(code)))
            with pytest.raises(CheckpointNotSavedError, match=os.strerror(code)):
                save(folder, 2)
        assert step_of(folder) in (1, 2)
        assert not list(folder.glob("*.partial"))


class Spool:
    def __init__(self) -> None:
        self.records: list = []

    def write(self, record) -> None:
        self.records.append(record)

    def sync(self) -> None:
        pass


def save_by_journal(spool: Spool, folder: Path, rl_step: int, total: int) -> None:
    parameters, optimizer = trained(1)
    journal = Journal(
        spool,  # pyright: ignore[reportArgumentType]
        total_rl_steps=total,
        counters=Counters(rl_step=rl_step),
        device=torch.device("cpu"),
    )
    journal.save(
        folder,
        CheckpointConfig(),
        fence=1,
        parameters=parameters,
        optimizer=optimizer,
        identity={},
    )


def test_training_outlives_a_full_disk_loudly_but_a_run_cannot_end_without_its_last_checkpoint(
    tmp_path, monkeypatch
):
    spool = Spool()
    save_by_journal(spool, tmp_path, 1, total=3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    save_by_journal(spool, tmp_path, 2, total=3)
    assert [r.name for r in spool.records if isinstance(r, CheckpointRecord)] == [
        "step-00000001.f1"
    ]
    (notice,) = [r.text for r in spool.records if isinstance(r, NoticeRecord)]
    assert "step-00000002.f1 could not be saved: 100 bytes are free" in notice
    failed = [r for r in spool.records if isinstance(r, StepRecord) and r.rl_step == 2]
    assert failed[0].metrics == {"health/checkpoint_failed": 1.0}
    assert step_of(tmp_path) == 1
    with pytest.raises(DiskFullError, match=r"could not be saved: 100 bytes are free.*make room"):
        save_by_journal(spool, tmp_path, 3, total=3)


def test_whatever_happens_the_newest_whole_checkpoints_and_the_best_stay(tmp_path):
    """1000 sequences of saving, damage, death and resuming."""
    source = tmp_path / "source"
    template = source / save(source, 1).name

    def write(folder: Path, step: int, fence: int) -> Path:
        # A stand-in that verifies: the manifest alone carries the name.
        path = folder / f"step-{step:08d}.f{fence}"
        path.mkdir(parents=True)
        (path / "state.json").write_bytes((template / "state.json").read_bytes())
        (path / "manifest.json").write_text(checkpoints._manifest(path, path.name))
        return path

    def is_whole(path: Path) -> bool:
        return (path / "state.json").exists()

    for number in range(1000):
        rng, folder = random.Random(number), tmp_path / str(number)
        keep, fence, step, best = rng.randint(2, 3), 1, 0, 0
        for _ in range(rng.randint(2, 7)):
            action = rng.random()
            if action < 0.6 or step == 0:
                step += 1
                written = write(folder, step, fence)
                best = step if rng.random() < 0.2 or step == 1 else best
                whole = [path for path in list_checkpoints(folder) if is_whole(path)]
                remove_old(folder, keep, best_rl_step=best)
                left = list_checkpoints(folder)
                assert written in left
                assert set(whole[-2:]) <= set(left)
                assert {path for path in whole if int(path.name[5:13]) == best} <= set(left)
            else:
                if action < 0.9:
                    victim = rng.choice(list_checkpoints(folder))
                    (victim / "state.json").unlink(missing_ok=True)
                resume(folder)
                fence += 1
                left = list_checkpoints(folder)
                step = int(left[-1].name[5:13]) if left else 0
                best = min(best, step)
        shutil.rmtree(folder)


def resume(folder: Path) -> None:
    """Set aside what `load_newest` would, without reading tensors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "load_file", lambda _: {})
        load_newest(folder)
