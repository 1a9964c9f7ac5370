"""Memory of this process and of the machine (Linux)."""

import resource
from pathlib import Path


def peak_gib() -> float:
    """Largest resident size so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def resident_gib() -> float:
    """Resident size now."""
    return _kib(Path("/proc/self/status"), "VmRSS") / 2**20


def available_gib() -> float:
    """What the machine can give without swapping."""
    return _kib(Path("/proc/meminfo"), "MemAvailable") / 2**20


def _kib(path: Path, name: str) -> int:
    [line] = [line for line in path.read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1])
