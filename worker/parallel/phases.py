"""Errors of connections in words."""

import re

import torch.distributed as dist

_MISSING = re.compile(r"Ranks? ([\d, ]+) failed to (?:pass|respond)")
_TIMED_OUT = re.compile(r"[Tt]imed? ?out|timeout|TIMEOUT")
_GONE = re.compile(r"[Cc]onnection (?:closed|reset)|Broken pipe|[Cc]onnection refused|no longer")


def describe_wait(error: Exception) -> str | None:
    """Who did not come, as far as an error of torch.distributed tells; None for other errors."""
    text = str(error)
    missing = _MISSING.search(text)
    if missing:
        return f"device {missing[1].strip()} did not come"
    if _TIMED_OUT.search(text):
        return "no answer in time"
    if _GONE.search(text):
        return "another device has ended"
    return str(error).splitlines()[0] if isinstance(error, dist.DistError) else None
