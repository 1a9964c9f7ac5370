"""Whether this machine sees the files that a run starts from."""

import socket

from backend.contract.artifacts import Home
from backend.contract.config import AnyRunConfig


def find_missing(home: Home, config: AnyRunConfig) -> str | None:
    """What cannot be seen, in words for the user; None when everything is there."""
    needed = {
        f"model {config.model}": home.model(config.model),
        f"data set {config.dataset}": home.dataset(config.dataset),
    }
    if config.kind == "evaluation" and config.checkpoint is not None:
        run = config.checkpoint.run
        needed[f"checkpoints of run {run}"] = home.run(run).checkpoints
    for what, folder in needed.items():
        if not folder.is_dir():
            return (
                f"host {socket.gethostname()!r} does not see the folder of {what} ({folder}): the "
                "storage of MAYE_HOME must be shared with the API and mounted there"
            )
    return None
