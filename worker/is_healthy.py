"""`python -m worker.is_healthy`: exit status 0 when a worker of this host has just been heard.

Workers write down when the API has taken their announcement; hosts that share a MAYE_HOME, such as
containers, look at their own workers alone.
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

from backend.contract.settings import Settings

SILENT_S = 60.0
"""The API counts a worker as absent after this long, too."""


def note_announced(folder: Path, worker: str) -> None:
    """Write down that the API has just taken the announcement of a worker of this host."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{worker}.announced.part"
    unfinished.write_text(json.dumps({"host": socket.gethostname(), "at_unix_s": time.time()}))
    unfinished.replace(folder / f"{worker}.announced")


def find_silence(folder: Path) -> str:
    """What is wrong with the workers of this host; empty when one of them was just heard."""
    host, newest = socket.gethostname(), 0.0
    for file in folder.glob("*.announced"):
        noted = json.loads(file.read_text())
        if noted["host"] == host:
            newest = max(newest, noted["at_unix_s"])
    silence_s = time.time() - newest
    if not newest:
        return f"no worker of host {host} has ever been heard by the API (looked in {folder})"
    if silence_s > SILENT_S:
        return f"no worker of host {host} was heard by the API for {silence_s:.0f} s"
    return ""


if __name__ == "__main__":
    sys.exit(find_silence(Settings.from_environment(os.environ).paths.root / "workers") or 0)
