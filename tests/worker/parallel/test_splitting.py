"""Every row is passed once, on one device, and all devices make equally many passes."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.parallel.devices import Devices
from worker.parallel.splitting import device_rows, update_passes


def all_devices(count: int) -> list[Devices]:
    cpu = torch.device("cpu")
    return [Devices(rank=r, count=count, device=cpu, timeout_s=1.0) for r in range(count)]


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=30),
    count=st.integers(1, 5),
    budget=st.integers(10, 200),
)
def test_every_row_is_passed_once_and_all_devices_pass_equally_often(lengths, count, budget):
    passes = [update_passes(device, lengths, budget) for device in all_devices(count)]
    assert len({len(of_device) for of_device in passes}) == 1
    done = [row for of_device in passes for p in of_device if not p.is_filler for row in p.rows]
    assert sorted(done) == list(range(len(lengths)))
    for p in (p for of_device in passes for p in of_device):
        assert len(p.rows) == 1 or len(p.rows) * max(lengths[row] for row in p.rows) <= budget


def test_measured_rows_are_dealt_out_too():
    rows = [device_rows(device, [5, 9, 2, 7]) for device in all_devices(2)]
    assert rows == [[1, 2], [0, 3]]
