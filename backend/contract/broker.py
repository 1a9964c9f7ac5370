"""Celery options that the sender (API) and the consumer (worker) must share, as plain data.

The broker carries a doorbell without state: JSON only, no results, and no key outside one prefix.
"""

from typing import Any

from backend.contract.devices import DeviceKind, ring_queue

KEY_PREFIX = "maye:"
"""Prefix of every key in Redis."""


def broker_options() -> dict[str, Any]:
    """Options for `conf.update(...)`, equal on both sides; the broker URL is not among them."""
    return {
        "result_backend": None,
        "task_ignore_result": True,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_default_queue": ring_queue(DeviceKind.CPU),
        "task_send_sent_event": False,
        "task_publish_retry_policy": {"max_retries": 3, "interval_start": 0.2, "interval_max": 2},
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "global_keyprefix": KEY_PREFIX,
            "visibility_timeout": 3600,
            "socket_keepalive": True,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "retry_on_timeout": True,
            "health_check_interval": 25,
        },
    }
