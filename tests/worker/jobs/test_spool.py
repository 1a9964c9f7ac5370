"""Every intact line of a spool is read back, whatever happened to the others."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.contract.messages import ProgressRecord, SampleRecord, SpoolRecord, StepRecord
from worker.spool import MAX_RECORD_BYTES, encode_record, read_slice

NUM_DAMAGES = 1000


def step(rl_step: int, accuracy: float = 0.5) -> StepRecord:
    return StepRecord(
        rl_step=rl_step,
        epoch=rl_step / 4,
        samples=8 * rl_step,
        tokens=100 * rl_step,
        seconds=float(rl_step),
        logged_at=datetime(2026, 1, 1, tzinfo=UTC),
        metrics={"training/accuracy": accuracy},
    )


def sample(rl_step: int, response: str) -> SampleRecord:
    return SampleRecord(
        rl_step=rl_step,
        index=0,
        item_id="item-1",
        split="train",
        response=response,
        num_response_tokens=3,
        is_truncated=False,
        extracted_answer=None,
        is_correct=False,
        outcome_reward=0.0,
        reward_parts={"accuracy": 0.0},
    )


def records(number: int) -> list[SpoolRecord]:
    # A response that quotes a whole line must not be taken for one.
    quoted = encode_record(step(999)).decode()
    made: list[SpoolRecord] = []
    for rl_step in range(number):
        made.append(step(rl_step))
        made.append(sample(rl_step, f"{quoted} \n 2 + 2 = \u0664 {rl_step}"))
    return made


def test_records_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    written = records(20)
    path.write_bytes(b"".join(map(encode_record, written)))
    piece = read_slice(path, 0, is_live=True)
    assert [line.record for line in piece.lines] == written
    assert piece.num_damaged_bytes == 0
    assert piece.end == path.stat().st_size == piece.lines[-1].end


def test_non_finite_values_come_back(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    path.write_bytes(encode_record(step(1, float("-inf"))))
    (line,) = read_slice(path, 0, is_live=True).lines
    assert isinstance(line.record, StepRecord)
    assert line.record.metrics == {"training/accuracy": float("-inf")}


def test_an_absent_spool_is_empty(tmp_path: Path) -> None:
    assert read_slice(tmp_path / "none", 7, is_live=True).end == 7


def test_a_torn_tail_is_unfinished_while_live_and_dropped_when_dead(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    first, second = encode_record(step(1)), encode_record(step(2))
    path.write_bytes(first + second[:-10])
    live = read_slice(path, 0, is_live=True)
    assert (len(live.lines), live.end, live.num_damaged_bytes) == (1, len(first), 0)
    dead = read_slice(path, 0, is_live=False)
    assert (len(dead.lines), dead.num_damaged_bytes) == (1, len(second) - 10)
    assert dead.end == path.stat().st_size
    path.write_bytes(first + second)
    (line,) = read_slice(path, live.end, is_live=True).lines
    assert line.record == step(2)


def test_a_cut_or_a_flipped_bit_costs_only_the_lines_it_hits(tmp_path: Path) -> None:
    written = records(6)
    encoded = [encode_record(record) for record in written]
    whole = b"".join(encoded)
    starts = [sum(map(len, encoded[:index])) for index in range(len(encoded))]
    path = tmp_path / "spool.jsonl"
    rng = random.Random(20260101)
    for _ in range(NUM_DAMAGES):
        position = rng.randrange(len(whole))
        if rng.random() < 0.5:
            damaged = whole[:position]
            hit = [
                index
                for index, line in enumerate(encoded)
                if starts[index] + len(line) - 1 > position
            ]
        else:
            flipped = whole[position] ^ (1 << rng.randrange(8))
            damaged = whole[:position] + bytes([flipped]) + whole[position + 1 :]
            # The newline carries nothing: damage to it hits no record.
            hit = [
                index
                for index, line in enumerate(encoded)
                if starts[index] <= position < starts[index] + len(line) - 1
            ]
        path.write_bytes(damaged)
        read = [line.record for line in read_slice(path, 0, is_live=False).lines]
        assert read == [record for index, record in enumerate(written) if index not in hit]


def test_a_long_spool_is_read_in_windows(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    written = [sample(rl_step, "x" * 300_000) for rl_step in range(12)]
    path.write_bytes(b"".join(map(encode_record, written)))
    read: list[SpoolRecord] = []
    offset = 0
    while (piece := read_slice(path, offset, is_live=True)).lines:
        read += [line.record for line in piece.lines]
        offset = piece.end
    assert read == written


def test_a_record_that_fits_no_request_is_refused() -> None:
    with pytest.raises(ValueError, match=f"allowed are {MAX_RECORD_BYTES}"):
        encode_record(sample(1, "x" * MAX_RECORD_BYTES))


def test_a_progress_record_is_framed_with_length_and_checksum() -> None:
    line = encode_record(ProgressRecord(rl_step=1, total_rl_steps=2, phase="learning"))
    length, checksum, payload = line.split(b" ", 2)
    assert int(length, 16) == len(payload) - 1
    assert len(checksum) == 8
    assert payload.endswith(b"}\n")
