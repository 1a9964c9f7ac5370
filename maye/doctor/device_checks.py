"""torch and the GPUs: that it loads, that driver and build fit, and who else computes there."""

import importlib
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import psutil

from maye.doctor.findings import Case, Finding, error, ok, warning
from maye.doctor.package_checks import find_version

TORCH_S = 120.0
"""Longest wait for torch to load: the first time, from a slow disk."""
PROBE = (
    "import json, torch; print(json.dumps({'version': torch.__version__, "
    "'built_for': torch.version.cuda, 'devices': torch.cuda.device_count()}))"
)
INSTALL_DRIVER = "sudo apt-get install --yes nvidia-driver   # or the package of your system"


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """What torch says of itself."""

    version: str
    built_for: str | None
    """Version of CUDA; None for a build without."""
    devices: int
    """GPUs that it sees."""


def check_devices(case: Case) -> list[Finding]:
    """Findings about torch and about the GPUs; torch is loaded once for both."""
    if find_version("torch") is None:
        return [ok("torch", "not installed: this machine does not train")]
    answer = probe_torch(case)
    if isinstance(answer, Finding):
        return [answer]
    build = f"CUDA {answer.built_for}" if answer.built_for else "the CPU"
    return [
        ok("torch", f"torch {answer.version}, built for {build}, loads"),
        check_gpus(answer, importlib.import_module("pynvml")),
    ]


def probe_torch(case: Case) -> TorchBuild | Finding:
    """Load torch in a process of its own, because a broken one may hang or crash."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE],
            env=dict(case.environ),
            capture_output=True,
            text=True,
            timeout=TORCH_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return error(
            "torch",
            f"`import torch` took more than {TORCH_S:g} s with {sys.executable}",
            f"{sys.executable} -X importtime -c 'import torch'   # shows what it waits for",
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return error(
            "torch",
            f"`import torch` fails with {sys.executable}: {last}",
            f"{sys.executable} -m pip install --force-reinstall torch=={find_version('torch')}",
        )
    return TorchBuild(**json.loads(done.stdout))


def check_gpus(torch: TorchBuild, nvml: Any) -> Finding:
    """Driver there, new enough for torch's build, and GPUs free.

    Args:
        torch: What torch says of itself.
        nvml: The module `pynvml`.
    """
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as problem:
        return _judge_missing_driver(torch, str(problem))
    try:
        return _judge_gpus(torch, nvml)
    except nvml.NVMLError as problem:
        return error("gpu", f"the NVIDIA driver does not answer: {problem}", "sudo reboot")
    finally:
        nvml.nvmlShutdown()


def _judge_missing_driver(torch: TorchBuild, reason: str) -> Finding:
    if torch.built_for is None:
        return ok("gpu", f"no NVIDIA driver ({reason}): runs are computed on the CPU")
    return warning(
        "gpu",
        f"no NVIDIA driver ({reason}), though torch was built for CUDA {torch.built_for}: runs "
        "are computed on the CPU",
        INSTALL_DRIVER,
    )


def _judge_gpus(torch: TorchBuild, nvml: Any) -> Finding:
    driver, cuda = str(nvml.nvmlSystemGetDriverVersion()), nvml.nvmlSystemGetCudaDriverVersion()
    count = nvml.nvmlDeviceGetCount()
    found = f"driver {driver} (CUDA {cuda // 1000}.{cuda % 1000 // 10}), {count} GPUs"
    if torch.built_for is None:
        return warning(
            "gpu",
            f"{found}, but torch {torch.version} was built without CUDA: they stay idle",
            f"{sys.executable} -m pip install --force-reinstall "
            f"torch=={torch.version.partition('+')[0]}",
        )
    # Within a major version any driver runs any build.
    if cuda // 1000 < int(torch.built_for.partition(".")[0]):
        return error(
            "gpu",
            f"{found}: too old for torch {torch.version}, which was built for CUDA "
            f"{torch.built_for}",
            INSTALL_DRIVER,
        )
    if torch.devices < count:
        found += f", of which torch may use {torch.devices} (CUDA_VISIBLE_DEVICES)"
    busy = [text for index in range(count) for text in _foreign_processes(nvml, index)]
    if busy:
        return warning(
            "gpu",
            f"{found}; in use by others: {', '.join(busy)}",
            "nvidia-smi   # then wait for them, or choose GPUs by CUDA_VISIBLE_DEVICES",
        )
    return ok("gpu", found)


def _foreign_processes(nvml: Any, index: int) -> list[str]:
    """Processes on a GPU that are none of the platform's."""
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    found = []
    for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
        try:
            line = psutil.Process(process.pid).cmdline()
        except psutil.Error:
            # Of another container, or gone meanwhile.
            line = ["unknown"]
        if not any(part.startswith("worker.") for part in line):
            held = (process.usedGpuMemory or 0) / 2**30
            found.append(f"process {process.pid} ({line[0]}, {held:.1f} GiB of GPU {index})")
    return found
