"""Supervisor of one attempt of one run: starts the trainer, renews the lease, ships its spool.

It loads no torch and outlives the Celery worker that started it. Whatever happens to the trainer
becomes one word to the API: succeeded, failed, cancelled or lost.

    python -m worker.runner --home HOME < claim.json
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backend.contract.artifacts import RunFolder
from backend.contract.disk import MAKE_ROOM, is_full
from backend.contract.errors import (
    ConflictError,
    DiskFullError,
    InvalidInputError,
    NotFoundError,
    PlatformError,
    StaleFenceError,
)
from backend.contract.logs import set_up_logging
from backend.contract.messages import AttemptEnd, Claim, Heartbeat, Outcome
from backend.contract.settings import Settings
from worker.api_client import ApiClient, UnreachableError
from worker.inputs import find_missing
from worker.kernel_kills import count_oom_kills
from worker.launching import trainer_argv
from worker.leash import adopt_orphans
from worker.outcome import StopReason, judge_exit
from worker.process_tree import (
    has_exited,
    kill_leftovers,
    kill_tree,
    start_trainer,
    stop_trainer,
)
from worker.shipping import Shipper, retry_for_ever

LOG = logging.getLogger("maye.runner")
TICK_S = 0.1
PREEMPTED_DRAIN_S = 10.0
"""How long a pre-empted runner tries to ship what is left; the next attempt ships the rest."""


class OwnershipLostError(Exception):
    """The run belongs to somebody else, or is gone: nothing more may be written."""


@dataclass(slots=True)
class Supervision:
    """The state of a supervised attempt."""

    settings: Settings
    claim: Claim
    api: ApiClient
    shipper: Shipper
    is_asked_to_stop: Callable[[], bool]
    """Whether this runner was asked to go (SIGTERM)."""
    renewed_at: float
    """Monotonic time at which the last successful renewal was sent, in s."""
    next_beat_at: float = 0.0
    """Monotonic time of the next heartbeat, in s."""
    should_cancel: bool = False
    """The platform's wish."""

    def watch(self, trainer: subprocess.Popen[bytes]) -> StopReason | None:
        """Wait for the trainer's exit, or stop it; why it was stopped."""
        while not has_exited(trainer):
            reason = self._reason_to_stop()
            if reason is not None:
                LOG.info("stopping the trainer: %s", reason)
                stop_trainer(trainer, grace_s=self.settings.cancel_grace_s)
                return reason
            time.sleep(TICK_S)
        return None

    def drain(self, stopped: StopReason | None) -> None:
        """Keep the lease until everything is shipped.

        Raises:
            OwnershipLostError: somebody else has claimed the run.
        """
        deadline = time.monotonic() + PREEMPTED_DRAIN_S
        while not (self.shipper.has_drained or self.shipper.error):
            is_preempted = stopped is StopReason.PREEMPTED or self.is_asked_to_stop()
            if is_preempted and time.monotonic() > deadline:
                LOG.warning("left without shipping everything; the next attempt will")
                return
            self._beat_when_due()
            time.sleep(TICK_S)
        if isinstance(self.shipper.error, StaleFenceError | NotFoundError):
            raise OwnershipLostError(self.shipper.error.message)
        self.next_beat_at = 0.0
        self._beat_when_due()

    def _reason_to_stop(self) -> StopReason | None:
        """Why the trainer must not go on, if so.

        Raises:
            OwnershipLostError: somebody else has claimed the run.
        """
        if isinstance(self.shipper.error, StaleFenceError | NotFoundError):
            raise OwnershipLostError(self.shipper.error.message)
        if self.shipper.error is not None:
            return StopReason.REFUSED
        if self.is_asked_to_stop():
            return StopReason.PREEMPTED
        self._beat_when_due()
        if self.should_cancel:
            return StopReason.CANCELLED
        if time.monotonic() - self.renewed_at > self.settings.self_stop_s:
            return StopReason.LEASE_LOST
        return None

    def _beat_when_due(self) -> None:
        """Renew the lease if it is time.

        Raises:
            OwnershipLostError: somebody else has claimed the run.
        """
        now = time.monotonic()
        if now < self.next_beat_at:
            return
        self.next_beat_at = now + self.settings.heartbeat_s
        observed = self.shipper.observed
        beat = Heartbeat(
            fence=self.claim.fence, is_training=observed.is_training, phase=observed.phase
        )
        try:
            reply = self.api.heartbeat(self.claim.run_id, beat)
        except UnreachableError as error:
            LOG.warning("heartbeat failed: %s", error)
            return
        except (ConflictError, NotFoundError) as error:
            raise OwnershipLostError(error.message) from error
        self.renewed_at = now
        self.should_cancel = reply.should_cancel


def supervise(
    settings: Settings,
    claim: Claim,
    *,
    trainer_argv: list[str],
    is_asked_to_stop: Callable[[], bool],
) -> AttemptEnd | None:
    """Carry out one attempt; what the API was told, or None when it was no longer ours to tell.

    Call it from the main thread: the trainer dies with the thread that started it.
    """
    folder = settings.paths.run(claim.run_id)
    _prepare(folder, claim)
    api = _connect(settings)
    shipper = Shipper(
        api=_connect(settings),
        run_id=claim.run_id,
        folder=folder,
        fence=claim.fence,
        pause_s=settings.ship_s,
    )
    shipper.is_live.set()
    supervision = Supervision(settings, claim, api, shipper, is_asked_to_stop, time.monotonic())
    kills_before = count_oom_kills()
    thread = threading.Thread(target=shipper.ship, name="shipper", daemon=True)
    trainer = start_trainer(
        trainer_argv,
        run_id=claim.run_id,
        home=settings.paths.root,
        log=folder.log(claim.fence),
        gpus=claim.gpus,
    )
    try:
        thread.start()
        stopped = supervision.watch(trainer)
        status = kill_tree(trainer)
        num_oom_kills = count_oom_kills() - kills_before
        shipper.is_live.clear()
        LOG.info("the trainer ended with status %s", status)
        if stopped is StopReason.LEASE_LOST:
            LOG.warning("leaving the run to the next attempt: %s", stopped)
            return None
        supervision.drain(stopped)
        exit_word = judge_exit(
            status,
            folder=folder,
            fence=claim.fence,
            stopped=stopped,
            num_oom_kills=num_oom_kills,
        )
        end = _end_of(shipper, exit_word)
        return end if _tell_end(api, claim, end, is_asked_to_stop) else None
    except OwnershipLostError as error:
        LOG.warning("the run is no longer ours: %s", error)
        return None
    finally:
        kill_tree(trainer)
        shipper.should_stop.set()
        thread.join(timeout=5.0)
        shipper.api.close()
        api.close()


def give_back(
    settings: Settings, claim: Claim, reason: str, *, is_asked_to_stop: Callable[[], bool]
) -> AttemptEnd | None:
    """Lose an attempt that this machine cannot begin; as `supervise`."""
    end = AttemptEnd(fence=claim.fence, outcome=Outcome.LOST, reason=reason)
    return _tell_alone(settings, claim, end, is_asked_to_stop=is_asked_to_stop)


def fail_for_want_of_room(
    settings: Settings, claim: Claim, error: OSError, *, is_asked_to_stop: Callable[[], bool]
) -> AttemptEnd | None:
    """Fail an attempt whose files this machine's disk does not take; as `supervise`."""
    end = AttemptEnd(
        fence=claim.fence,
        outcome=Outcome.FAILED,
        error_code=DiskFullError.code,
        reason=f"{error}: {MAKE_ROOM}",
    )
    return _tell_alone(settings, claim, end, is_asked_to_stop=is_asked_to_stop)


def _tell_alone(
    settings: Settings, claim: Claim, end: AttemptEnd, *, is_asked_to_stop: Callable[[], bool]
) -> AttemptEnd | None:
    api = _connect(settings)
    try:
        return end if _tell_end(api, claim, end, is_asked_to_stop) else None
    finally:
        api.close()


def _connect(settings: Settings) -> ApiClient:
    """A connection whose time-out leaves several tries before the runner must stop itself."""
    return ApiClient(settings, timeout_s=min(5.0, settings.self_stop_s / 4))


def _prepare(folder: RunFolder, claim: Claim) -> None:
    """Write the configuration down, and end what an earlier attempt may have left running."""
    for path in (folder.spools, folder.checkpoints, folder.log(claim.fence).parent):
        path.mkdir(parents=True, exist_ok=True)
    temporary = folder.config.with_suffix(f".{claim.fence}.tmp")
    try:
        temporary.write_text(claim.config.model_dump_json(indent=2) + "\n")
        temporary.replace(folder.config)
    finally:
        temporary.unlink(missing_ok=True)
    leftovers = kill_leftovers(claim.run_id)
    if leftovers:
        LOG.warning("killed what an earlier attempt had left running: %s", leftovers)


def _end_of(shipper: Shipper, end: AttemptEnd) -> AttemptEnd:
    """The end to tell: a record that the API refused or nobody can read fails the run."""
    if shipper.error is None:
        return end
    if isinstance(shipper.error, PlatformError):
        code, reason = shipper.error.code, shipper.error.message
    else:
        code, reason = InvalidInputError.code, f"the spool cannot be shipped: {shipper.error!r}"
    return AttemptEnd(
        fence=end.fence, outcome=Outcome.FAILED, error_code=code, reason=reason[:4000]
    )


def _tell_end(
    api: ApiClient, claim: Claim, end: AttemptEnd, is_asked_to_stop: Callable[[], bool]
) -> bool:
    """Say how the attempt ended until the API has heard it; False when it was not ours to say."""
    give_up = threading.Event()

    def tell() -> None:
        if is_asked_to_stop():
            give_up.set()
        api.end(claim.run_id, end)

    try:
        return retry_for_ever(tell, give_up)
    except (ConflictError, NotFoundError) as error:
        LOG.warning("the end was not accepted: %s", error)
        return False


def _carry_out(
    settings: Settings, claim: Claim, is_asked_to_stop: Callable[[], bool]
) -> AttemptEnd | None:
    """Supervise an attempt, or say why this machine cannot; as `supervise`."""
    missing = find_missing(settings.paths, claim.config)
    if missing is not None:
        LOG.error("%s", missing)
        return give_back(settings, claim, missing, is_asked_to_stop=is_asked_to_stop)
    try:
        return supervise(
            settings,
            claim,
            trainer_argv=trainer_argv(claim, settings.paths.root),
            is_asked_to_stop=is_asked_to_stop,
        )
    except OSError as error:
        if not is_full(error):
            raise
        LOG.exception("the disk is full")
        return fail_for_want_of_room(settings, claim, error, is_asked_to_stop=is_asked_to_stop)


def main(arguments: list[str]) -> int:
    """Read a claim from standard input and carry it out."""
    parser = argparse.ArgumentParser(prog="python -m worker.runner", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of all state (MAYE_HOME)")
    parser.add_argument("--run", required=True, help="the run, for people who list processes")
    parser.add_argument(
        "--fence", type=int, required=True, help="the attempt, for people who list processes"
    )
    options = parser.parse_args(arguments)
    settings = Settings.from_environment(os.environ | {"MAYE_HOME": str(options.home)})
    set_up_logging(
        settings.log_format,
        service="runner",
        run_id=options.run,
        fence=options.fence,
        worker=settings.worker_name,
    )
    claim = Claim.model_validate_json(sys.stdin.buffer.read())
    stop_asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop_asked.append(number))
    signal.signal(signal.SIGINT, lambda number, _: stop_asked.append(number))
    adopt_orphans()
    end = _carry_out(settings, claim, lambda: bool(stop_asked))
    LOG.info("the end: %s", end.model_dump_json() if end else "left to somebody else")
    return 0 if end else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
