"""The doorbell: ask the API for runs, start a detached runner for each, return. No torch here."""

import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

from backend.contract.disk import DiskState, read_space
from backend.contract.messages import Claim, ClaimRequest
from backend.contract.settings import Settings
from worker.api_client import ApiClient, UnreachableError

LOG = logging.getLogger("maye.doorbell")
API_TIMEOUT_S = 10.0
RETRY_FOR_S = 10.0
"""How long one ring waits for an API that is away; the API rings again when it is back."""
RETRY_PAUSE_S = 0.5


@dataclass(slots=True)
class Doorbell:
    """Answers rings for one worker."""

    settings: Settings
    """With the worker's name, which is taken before."""
    runners: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """Runners that this process has started; kept only so that they are reaped."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Rings and announcements come from different threads."""

    def answer(self) -> int:
        """Claim and start runs until none is handed out; how many were started."""
        with self.lock:
            return self._answer()

    def _answer(self) -> int:
        self.runners = [runner for runner in self.runners if runner.poll() is None]
        api = ApiClient(self.settings, timeout_s=API_TIMEOUT_S)
        num_started = 0
        try:
            while (claim := self._claim(api)) is not None:
                self.runners.append(start_runner(self.settings, claim))
                num_started += 1
        finally:
            api.close()
        return num_started

    def _claim(self, api: ApiClient) -> Claim | None:
        """The next run, if any; an API that is away is asked again for a short while."""
        space = read_space(self.settings.paths.root, self.settings.min_free_disk_bytes)
        if space.state is DiskState.FULL:
            LOG.warning("no run is taken: %s", space.describe())
            return None
        request = ClaimRequest(worker=self.settings.worker_name, slots=self.settings.worker_slots)
        deadline = time.monotonic() + RETRY_FOR_S
        while True:
            try:
                return api.claim(request).claim
            except UnreachableError as error:
                if time.monotonic() > deadline:
                    LOG.warning("the API is away, waiting for its next ring: %s", error)
                    return None
                time.sleep(RETRY_PAUSE_S)


def start_runner(settings: Settings, claim: Claim) -> subprocess.Popen[bytes]:
    """Start the runner of a claim, detached: it outlives this process."""
    home = settings.paths.root
    log = settings.paths.run(claim.run_id).log(claim.fence).with_suffix(".runner.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        runner = subprocess.Popen(
            [
                *(sys.executable, "-m", "worker.runner", "--home", str(home)),
                *("--run", str(claim.run_id), "--fence", str(claim.fence)),
            ],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"MAYE_HOME": str(home), "MAYE_WORKER_NAME": settings.worker_name},
            start_new_session=True,
            close_fds=True,
        )
    assert runner.stdin is not None
    with runner.stdin as claim_input:
        claim_input.write(claim.model_dump_json().encode())
    LOG.info(
        "run %s: attempt %d started as process %d",
        claim.run_id,
        claim.fence,
        runner.pid,
        extra={"run_id": str(claim.run_id), "fence": claim.fence},
    )
    return runner
