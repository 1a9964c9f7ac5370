"""The second process never comes to the meeting; the first must say what it waited for."""

import sys
import time

import torch

from backend.contract.config import ParallelConfig
from backend.contract.errors import TrainingError
from worker.parallel.devices import Devices

if __name__ == "__main__":
    devices = Devices.join(ParallelConfig(devices=2, collective_timeout_s=2.0), torch.device("cpu"))
    if devices.rank == 1:
        time.sleep(8.0)
        sys.exit(0)
    try:
        devices.meet("the responses of RL step 12")
    except TrainingError as error:
        print(error.message)
