"""The command line and the Python client; they talk REST and start processes by argv.

from maye import Client

with Client() as maye:
    print(maye.wait(maye.submit("quickstart")["id"])["status"])
"""

from maye.client import AwayError, Client, NotEndedError, ServerError
from maye.errors import CommandError

__all__ = ["AwayError", "Client", "CommandError", "NotEndedError", "ServerError"]
__version__ = "0.1.0"
