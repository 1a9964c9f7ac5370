"""Memory of this process and of the machine (Linux)."""

from pathlib import Path


def peak_gib() -> float:
    """Largest resident size so far.

    Of this program alone: `getrusage` would begin with the size of the process that started it.
    """
    return _kib(Path("/proc/self/status"), "VmHWM") / 2**20


def resident_gib() -> float:
    """Resident size now."""
    return _kib(Path("/proc/self/status"), "VmRSS") / 2**20


def available_gib() -> float:
    """What the machine can give without swapping."""
    return _kib(Path("/proc/meminfo"), "MemAvailable") / 2**20


def _kib(path: Path, name: str) -> int:
    [line] = [line for line in path.read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1])
