"""`python -m backend.api.is_healthy`: exit status 0 when the API of this machine answers."""

import os
import sys
from http.client import HTTPConnection, HTTPException

from backend.contract.settings import Settings

TIMEOUT_S = 4.0


def ask(port: int) -> str:
    """What is wrong with the API at a port of the loopback interface; empty when it is well."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as problem:
        return f"nobody answers at port {port}: {problem}"
    finally:
        connection.close()
    return "" if status == 200 else f"port {port} answers with HTTP {status}"


if __name__ == "__main__":
    sys.exit(ask(Settings.from_environment(os.environ).port) or 0)
