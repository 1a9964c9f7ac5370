"""Two processes exchange everything once; each prints what it holds as a line of JSON."""

import json
import os
import sys

import torch

from backend.contract.config import ParallelConfig
from worker.parallel.devices import Devices

if __name__ == "__main__":
    devices = Devices.join(ParallelConfig(devices=2), torch.device("cpu"))
    mine = torch.arange(2 + devices.rank).repeat(1 + devices.rank, 1)
    sys.stdout.write(
        json.dumps(
            {
                "share": list(devices.share(5)),
                "sum": devices.sum(torch.tensor([1.0 + devices.rank]), "sums").tolist(),
                "rows": devices.gather_rows(mine, "rows", fill=-1).tolist(),
                "told": devices.tell({"reward": 0.5, "text": "√2"}, "news"),
            }
        )
        # One write: the lines of two processes must not run into each other.
        + "\n"
    )
    sys.stdout.flush()
    devices.meet("the end")
    os._exit(0)  # as the trainer does: connections torn down can abort a process that is done
