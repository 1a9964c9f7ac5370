"""Python client of a platform: REST over httpx, JSON in and out, typed by `maye.api_types`.

from maye import Client

with Client() as maye:
    run = maye.submit("quickstart", seed=1)
    print(maye.wait(run["id"])["status"])
"""

from maye.client.client import Client
from maye.client.connection import AwayError, Json, RefusedTokenError, ServerError
from maye.client.waiting import NotEndedError

__all__ = ["AwayError", "Client", "Json", "NotEndedError", "RefusedTokenError", "ServerError"]
