"""The Celery worker: consumes rings from Redis and answers them. `python -m worker.celery_app`."""

import os
import sys

from celery import Celery
from celery.signals import worker_ready

from backend.contract.broker import broker_options
from backend.contract.runs import RING_QUEUE, RING_TASK
from backend.contract.settings import Settings
from worker.tasks import Doorbell


def build_app(settings: Settings) -> Celery:
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
        worker_hijack_root_logger=True,
        task_time_limit=60,
        task_soft_time_limit=45,
    )
    doorbell = Doorbell(settings)
    app.task(name=RING_TASK, ignore_result=True)(doorbell.answer)
    return app


def main() -> None:
    """Run the worker until it is told to stop."""
    app = build_app(Settings.from_environment(os.environ))

    def ring_myself(**_: object) -> None:
        """Runs may have been queued while no worker listened, or a ring was lost."""
        app.send_task(RING_TASK, queue=RING_QUEUE)

    worker_ready.connect(ring_myself, weak=False)
    app.worker_main(
        [
            "worker",
            *("--pool", "solo", "--queues", RING_QUEUE, "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *sys.argv[1:],
        ]
    )


if __name__ == "__main__":
    main()
