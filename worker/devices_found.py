"""What a worker computes on, and what is installed there; found out without loading torch."""

import logging
import os
import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from backend.contract.devices import DeviceKind
from backend.contract.messages import Device

LOG = logging.getLogger("maye.worker")
PACKAGES = ("maye", "torch", "transformers", "vllm")
VISIBLE = "CUDA_VISIBLE_DEVICES"


def find_gpus(nvml: Any, environ: Mapping[str, str]) -> tuple[list[Device], dict[str, str]]:
    """The GPUs that this process may use, and the versions of driver and CUDA.

    A machine without a driver has none; that is said once in the log.

    Args:
        nvml: The module `pynvml`.
        environ: CUDA_VISIBLE_DEVICES limits the GPUs, as it does for CUDA; its numbers are those of
            nvidia-smi.
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        LOG.info("no NVIDIA driver (%s): this worker computes on its CPU", error)
        return [], {}
    try:
        handles = list(_visible_handles(nvml, environ.get(VISIBLE)))
        gpus = [_describe_gpu(nvml, handle, index) for index, handle in enumerate(handles)]
        cuda = nvml.nvmlSystemGetCudaDriverVersion()
        versions = {
            "driver": str(nvml.nvmlSystemGetDriverVersion()),
            "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}",
        }
    except nvml.NVMLError as error:
        LOG.warning("the NVIDIA driver does not answer (%s): GPUs are not used", error)
        return [], {}
    finally:
        nvml.nvmlShutdown()
    if not gpus:
        LOG.info("there is a driver but no GPU that may be used (%s)", VISIBLE)
    return gpus, versions


def find_cpu() -> Device:
    """The CPU of this machine."""
    return Device(
        kind=DeviceKind.CPU,
        name=_cpu_model()[:200],
        memory_bytes=psutil.virtual_memory().total,
        num_cores=len(os.sched_getaffinity(0)),
    )


def find_versions() -> dict[str, str]:
    """Python and the packages that decide what a run computes, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _visible_handles(nvml: Any, visible: str | None) -> Iterator[Any]:
    """Handles of the GPUs that CUDA would number 0, 1, ...; it ends at the first unknown entry."""
    everything = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    if visible is None:
        yield from everything
        return
    by_uuid = {str(nvml.nvmlDeviceGetUUID(handle)): handle for handle in everything}
    for entry in (part.strip() for part in visible.split(",")):
        if entry.isascii() and entry.isdigit() and int(entry) < len(everything):
            yield everything[int(entry)]
        elif entry.startswith("MIG-"):
            yield nvml.nvmlDeviceGetHandleByUUID(entry)
        else:
            matches = [uuid for uuid in by_uuid if entry and uuid.startswith(entry)]
            if len(matches) != 1:
                return
            yield by_uuid[matches[0]]


def _describe_gpu(nvml: Any, handle: Any, index: int) -> Device:
    return Device(
        kind=DeviceKind.CUDA,
        index=index,
        uuid=str(nvml.nvmlDeviceGetUUID(handle)),
        name=str(nvml.nvmlDeviceGetName(handle)),
        memory_bytes=nvml.nvmlDeviceGetMemoryInfo(handle).total,
    )


def _cpu_model() -> str:
    """In the maker's words where the system tells them."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, text = line.partition(":")
            if name.strip() == "model name":
                return text.strip()
    return platform.processor() or platform.machine()
