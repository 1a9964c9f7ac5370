"""What a worker finds of its machine: through the driver's library, or by there being none."""

# ruff: noqa: N802 - the names are the library's

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace

import psutil
import pynvml
import pytest

from backend.contract.devices import DeviceKind
from worker.devices_found import find_cpu, find_gpus, find_versions

GIB = 2**30


class NVMLError(Exception):
    """The library's error."""


@dataclass
class FakeNvml:
    """Four GPUs of a machine, one of them parted, as the driver's library tells of them."""

    is_broken: bool = False
    num_shutdowns: int = 0
    uuids: tuple[str, ...] = ("GPU-a1b2", "GPU-a1c3", "GPU-d4e5", "GPU-f6a7")
    parts: Mapping[str, str] = field(default_factory=lambda: {"MIG-1": "A part"})
    NVMLError = NVMLError

    def nvmlInit(self) -> None:
        """Nothing to start."""

    def nvmlShutdown(self) -> None:
        self.num_shutdowns += 1

    def nvmlDeviceGetCount(self) -> int:
        if self.is_broken:
            raise NVMLError("GPU is lost")
        return len(self.uuids)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return self.uuids[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        if uuid not in self.parts:
            raise NVMLError("Not Found")
        return uuid

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return handle

    def nvmlDeviceGetName(self, handle: str) -> str:
        return self.parts.get(handle, "NVIDIA H200")

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> SimpleNamespace:
        return SimpleNamespace(total=18 * GIB if handle in self.parts else 141 * GIB)

    def nvmlSystemGetDriverVersion(self) -> str:
        return "570.124.06"

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return 12080


def test_every_gpu_is_found_with_its_model_memory_and_uuid() -> None:
    nvml = FakeNvml()
    gpus, versions = find_gpus(nvml, {})
    assert [(gpu.index, gpu.uuid) for gpu in gpus] == list(enumerate(nvml.uuids))
    assert {(gpu.kind, gpu.name, gpu.memory_bytes) for gpu in gpus} == {
        (DeviceKind.CUDA, "NVIDIA H200", 141 * GIB)
    }
    assert versions == {"driver": "570.124.06", "cuda": "12.8"}
    assert nvml.num_shutdowns == 1


@pytest.mark.parametrize(
    ("visible", "uuids"),
    [
        ("2,0", ["GPU-d4e5", "GPU-a1b2"]),
        (" 3 ", ["GPU-f6a7"]),
        ("GPU-f6,GPU-a1c3", ["GPU-f6a7", "GPU-a1c3"]),
        ("MIG-1", ["MIG-1"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        # As CUDA does: what comes after an entry that means nothing is not seen.
        ("1,9,0", ["GPU-a1c3"]),
        # Two GPUs begin so: it names neither.
        ("GPU-a1", []),
    ],
)
def test_the_environment_limits_and_orders_them(visible: str, uuids: list[str]) -> None:
    gpus, _ = find_gpus(FakeNvml(), {"CUDA_VISIBLE_DEVICES": visible})
    assert [gpu.uuid for gpu in gpus] == uuids
    assert [gpu.index for gpu in gpus] == list(range(len(uuids)))


def test_a_driver_that_does_not_answer_leaves_a_worker_without_gpus(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nvml = FakeNvml(is_broken=True)
    assert find_gpus(nvml, {}) == ([], {})
    assert "GPU is lost" in caplog.text
    assert nvml.num_shutdowns == 1


def test_a_machine_without_a_driver_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        with caplog.at_level(logging.INFO):
            assert find_gpus(pynvml, {}) == ([], {})
        assert len(caplog.records) == 1
        assert "no NVIDIA driver" in caplog.text
        assert "this worker computes on its CPU" in caplog.text
    else:
        num_gpus = pynvml.nvmlDeviceGetCount()
        pynvml.nvmlShutdown()
        gpus, versions = find_gpus(pynvml, {})
        assert len(gpus) == num_gpus
        assert all(gpu.uuid.startswith("GPU-") and gpu.memory_bytes > GIB for gpu in gpus)
        assert set(versions) == {"driver", "cuda"}


def test_the_cpu_is_described_with_the_machines_memory() -> None:
    cpu = find_cpu()
    assert cpu.kind is DeviceKind.CPU
    assert cpu.name
    assert cpu.memory_bytes == psutil.virtual_memory().total
    assert cpu.num_cores is not None
    assert 1 <= cpu.num_cores <= (psutil.cpu_count() or 1)


def test_versions_are_those_of_what_is_installed() -> None:
    versions = find_versions()
    assert versions["python"].startswith("3.")
    assert versions["torch"].split("+")[0] == "2.13.0"
    assert {"maye", "transformers"} <= versions.keys()
