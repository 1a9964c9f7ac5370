"""The doorbell: the only sender of Celery messages. They carry nothing; the database knows all."""

import logging

from celery import Celery  # pyright: ignore[reportMissingTypeStubs]
from kombu.exceptions import OperationalError

from backend.contract.broker import broker_options
from backend.contract.devices import DeviceKind, ring_queue
from backend.contract.runs import RING_TASK

EXPIRES_S = 120
"""A ring that no worker took for this long is dropped: the reconciler has rung again since."""

logger = logging.getLogger(__name__)


class Doorbell:
    """Tells workers to ask for work. Best effort: a lost ring is repeated by the relay."""

    def __init__(self, redis_url: str) -> None:
        self._app = _build_app(redis_url) if redis_url else None
        self._is_reachable: bool | None = None

    @property
    def state(self) -> str:
        """In a word, for the readiness probe."""
        if self._app is None:
            return "not configured"
        return {None: "not tried yet", True: "ok", False: "unreachable"}[self._is_reachable]

    def ring(self, kind: DeviceKind) -> bool:
        """Send one ring to workers with a kind of device; returns whether the broker took it."""
        if self._app is None:
            return False
        try:
            self._app.send_task(  # pyright: ignore[reportUnknownMemberType]
                RING_TASK,
                queue=ring_queue(kind),
                ignore_result=True,
                retry=False,
                expires=EXPIRES_S,
            )
        except (OperationalError, OSError) as e:
            if self._is_reachable is not False:
                logger.warning("the broker is unreachable, runs wait: %s", type(e).__name__)
            self._is_reachable = False
            return False
        if self._is_reachable is False:
            logger.info("the broker is reachable again")
        self._is_reachable = True
        return True

    def close(self) -> None:
        """Close the broker's connections."""
        if self._app is not None:
            self._app.close()


def _build_app(redis_url: str) -> Celery:
    app = Celery("maye", broker=redis_url, set_as_current=False)
    options = broker_options()
    # An absent broker must cost the relay a moment, not hold it for ever.
    transport = {
        **options["broker_transport_options"],
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    }
    app.conf.update(  # pyright: ignore[reportUnknownMemberType]
        {**options, "broker_transport_options": transport}
    )
    return app
