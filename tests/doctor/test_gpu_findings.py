"""What the doctor says of drivers and GPUs, for machines that are not at hand."""

import os
from types import SimpleNamespace

import pytest

from maye.doctor.device_checks import TorchBuild, check_gpus
from maye.doctor.findings import Status

ON_CUDA = TorchBuild("2.13.0+cu130", "13.0", 2)
ON_CPU = TorchBuild("2.13.0+cpu", None, 0)


class NVMLError(Exception):
    """As pynvml's."""


def make_nvml(*, cuda: int = 13010, pids: tuple[int, ...] = (), has_driver: bool = True):
    """pynvml on a machine with two GPUs; processes compute on the first."""

    def init() -> None:
        if not has_driver:
            raise NVMLError("NVML Shared Library Not Found")

    processes = [SimpleNamespace(pid=pid, usedGpuMemory=3 * 2**30) for pid in pids]
    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=init,
        nvmlShutdown=lambda: None,
        nvmlSystemGetDriverVersion=lambda: "580.95.05",
        nvmlSystemGetCudaDriverVersion=lambda: cuda,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: processes if handle == 0 else [],
    )


@pytest.mark.parametrize(
    ("torch", "nvml", "status", "found", "cure"),
    [
        (ON_CUDA, make_nvml(), Status.OK, "driver 580.95.05 (CUDA 13.1), 2 GPUs", ""),
        (ON_CUDA, make_nvml(cuda=12080), Status.ERROR, "too old for torch", "nvidia-driver"),
        (ON_CUDA, make_nvml(has_driver=False), Status.WARNING, "on the CPU", "nvidia-driver"),
        (ON_CPU, make_nvml(has_driver=False), Status.OK, "on the CPU", ""),
        (ON_CPU, make_nvml(), Status.WARNING, "stay idle", "install --force-reinstall torch=="),
        (ON_CUDA, make_nvml(pids=(os.getpid(),)), Status.WARNING, "3.0 GiB of GPU 0", "nvidia-smi"),
        (ON_CUDA, make_nvml(pids=(2**22 + 1,)), Status.WARNING, "unknown", "nvidia-smi"),
        (TorchBuild("2.13.0", "13.0", 1), make_nvml(), Status.OK, "torch may use 1", ""),
    ],
)
def test_what_is_said_of_gpus(torch, nvml, status, found, cure):
    finding = check_gpus(torch, nvml)
    assert (finding.name, finding.status) == ("gpu", status)
    assert found in finding.found
    assert cure in finding.cure
