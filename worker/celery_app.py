"""A worker: announces what it has, and answers rings from Redis. `python -m worker.celery_app`.

It can be stopped and started at any time: runs that it has started go on by themselves.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import celery.apps.worker
import pynvml
from celery import Celery
from celery.signals import setup_logging, worker_ready, worker_shutting_down
from pydantic import ValidationError

from backend.contract.broker import broker_options
from backend.contract.devices import ring_queue
from backend.contract.errors import PlatformError
from backend.contract.logs import set_up_logging
from backend.contract.messages import Announcement
from backend.contract.runs import RING_TASK
from backend.contract.settings import Settings
from worker.announcing import Announcer
from worker.api_client import WrongTokenError
from worker.devices_found import find_cpu, find_gpus, find_versions
from worker.naming import default_name, take_name
from worker.tasks import Doorbell

LOG = logging.getLogger("maye.worker")
EXIT_REFUSED, EXIT_USAGE, EXIT_NOT_SIGNED_IN = 1, 2, 4


def build_app(settings: Settings, doorbell: Doorbell) -> Celery:
    """The worker's Celery application.

    Raises:
        ValueError: there is no broker.
    """
    if not settings.redis_url:
        raise ValueError("MAYE_REDIS_URL is empty: a worker needs the URL of the Redis broker")
    app = Celery("maye", broker=settings.redis_url, set_as_current=False)
    app.conf.update(
        broker_options(),
        task_acks_late=False,
        task_reject_on_worker_lost=False,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        task_time_limit=60,
        task_soft_time_limit=45,
    )
    app.task(name=RING_TASK, ignore_result=True)(doorbell.answer)
    return app


def describe(settings: Settings) -> Announcement:
    """What this worker has; its name is the one in the settings."""
    gpus, driver = find_gpus(pynvml, os.environ)
    return Announcement(
        worker=settings.worker_name,
        host=socket.gethostname(),
        started_at=datetime.now(UTC),
        slots=settings.worker_slots,
        devices=[find_cpu(), *gpus],
        versions=find_versions() | driver,
    )


def work(settings: Settings) -> int:
    """Run a worker until it is told to stop; its exit status.

    Raises:
        ValueError: there is no broker.
    """
    doorbell = Doorbell(settings)
    app = build_app(settings, doorbell)
    announcer = Announcer(settings, describe(settings), doorbell)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: announcer.should_stop.set())
    try:
        if announcer.announce_first() is None:
            return 0
    except WrongTokenError as error:
        LOG.error(
            "the API does not take the token in %s (%s): copy the API's own worker-token there",
            settings.paths.worker_token,
            error,
        )
        return EXIT_NOT_SIGNED_IN
    except PlatformError as error:
        LOG.error("the API refuses this worker: %s", error.message)
        return EXIT_REFUSED
    _say_what_there_is(announcer.announcement, settings)
    _serve(app, announcer)
    return 0


def _serve(app: Celery, announcer: Announcer) -> None:
    """Answer rings, with announcements beside, until a signal ends it."""

    def say_goodbye(**_: object) -> None:
        num_going_on = sum(runner.poll() is None for runner in announcer.doorbell.runners)
        LOG.info("stopping; runs go on by themselves (%d started by this process)", num_going_on)
        announcer.should_stop.set()

    def leave_logging_alone(*_: object, **__: object) -> None:
        """Do nothing."""

    def obey_an_earlier_signal(**_: object) -> None:
        """One that came before Celery listened for signals."""
        if announcer.should_stop.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    # Celery's words about signals go to the output past the log; `say_goodbye` tells the same.
    celery.apps.worker.safe_say = leave_logging_alone
    # A receiver keeps Celery from replacing the logging that is set up already.
    setup_logging.connect(leave_logging_alone, weak=False)
    worker_shutting_down.connect(say_goodbye, weak=False)
    worker_ready.connect(obey_an_earlier_signal, weak=False)
    kinds = sorted({device.kind for device in announcer.announcement.devices})
    thread = threading.Thread(target=announcer.keep_on, name="announcer", daemon=True)
    thread.start()
    try:
        app.worker_main(
            [
                # Without Celery's banner, which is no line of a log.
                *("--quiet", "worker", "--pool", "solo", "--loglevel", "INFO"),
                *("--queues", ",".join(ring_queue(kind) for kind in kinds)),
                *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            ]
        )
    finally:
        announcer.should_stop.set()
        thread.join(timeout=5.0)


def _say_what_there_is(announcement: Announcement, settings: Settings) -> None:
    gpus = [device for device in announcement.devices if device.kind == "cuda"]
    LOG.info(
        "worker %s takes runs from %s: %d slots on the CPU, %d GPUs%s",
        announcement.worker,
        settings.api_url,
        announcement.slots,
        len(gpus),
        "".join(f"; {gpu.index}: {gpu.name}, {gpu.memory_bytes / 2**30:.0f} GiB" for gpu in gpus),
    )


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line of a worker; what it leaves out comes from the environment."""
    parser = argparse.ArgumentParser(prog="python -m worker.celery_app", description=__doc__)
    parser.add_argument("--name", help="name of the worker (MAYE_WORKER_NAME; else the host's)")
    parser.add_argument(
        "--slots", help="runs that it carries at a time on its CPU (MAYE_WORKER_SLOTS; else 1)"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run a worker of this command line and environment; its exit status."""
    options = parse(arguments)
    given = {"MAYE_WORKER_NAME": options.name, "MAYE_WORKER_SLOTS": options.slots}
    environ = dict(os.environ) | {name: text for name, text in given.items() if text is not None}
    try:
        settings = Settings.from_environment(environ)
    except ValidationError as error:
        LOG.error("a setting is out of range: %s", error)
        return EXIT_USAGE
    taken = take_name(settings.worker_name or default_name(), settings.paths.root / "workers")
    set_up_logging(settings.log_format, service="worker", worker=taken.name)
    try:
        return work(settings.model_copy(update={"worker_name": taken.name}))
    except ValueError as error:
        LOG.error("%s", error)
        return EXIT_USAGE
    finally:
        taken.file.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
