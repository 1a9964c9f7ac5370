"""How often the kernel has killed a process of this control group for want of memory."""

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
GROUPS = Path("/proc/self/cgroup")


def count_oom_kills(root: Path = ROOT, groups: Path = GROUPS) -> int:
    """Kills so far; 0 where the kernel does not tell.

    Args:
        root: Where control groups are mounted, version 2 or 1.
        groups: Lists this process's groups as `number:controllers:path`.
    """
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return 0
    counts = [_read_count(file) for line in lines for file in _counters(root, line)]
    return max(counts, default=0)


def _counters(root: Path, line: str) -> list[Path]:
    _, controllers, group = line.split(":", 2)
    inside = group.lstrip("/")
    if not controllers:
        return [root / inside / "memory.events"]
    if "memory" in controllers.split(","):
        return [root / "memory" / inside / "memory.oom_control"]
    return []


def _read_count(file: Path) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
