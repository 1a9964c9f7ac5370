"""`python -m backend.api` serves the platform.

`python -m backend.api openapi` prints the description of its API, `python -m backend.api
rotate-token` puts a new admin token in the place of the old one: a running API takes it up.
"""

import json
import os
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from backend.api.app import create_app
from backend.api.services.credentials import rotate_admin_token
from backend.contract.errors import PlatformError
from backend.contract.logs import set_up_logging
from backend.contract.settings import Settings

GRACE_S = 2


class Server(uvicorn.Server):
    """A server that ends its event streams when it is asked to stop, and does not wait for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self.app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell the streams, then stop as usual."""
        platform = getattr(self.app.state, "platform", None)
        if platform is not None:
            platform.changefeed.close()
        super().handle_exit(sig, frame)


def build_server(settings: Settings) -> Server:
    """A server for these settings; it must be run in the main thread."""
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        # The guard writes a line for each request: with its id, and without its query.
        access_log=False,
        log_config=None,
    )
    return Server(config, app)


def main(arguments: list[str]) -> int:
    """Serve, or do what the argument says."""
    if arguments not in ([], ["openapi"], ["rotate-token"]):
        print("usage: python -m backend.api [openapi|rotate-token]", file=sys.stderr)
        return 2
    try:
        settings = Settings.from_environment(os.environ)
    except ValidationError as e:
        for problem in e.errors(include_url=False):
            name = "_".join(str(part) for part in problem["loc"]).upper()
            print(f"MAYE_{name}: {problem['msg']}", file=sys.stderr)
        return 2
    if arguments == ["rotate-token"]:
        rotate_admin_token(settings.paths)
        return 0
    if arguments:
        print(json.dumps(create_app(settings).openapi(), indent=2, sort_keys=True))
        return 0
    set_up_logging(settings.log_format, service="api")
    try:
        build_server(settings).run()
    except PlatformError as e:
        print(f"{e.code}: {e.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # uvicorn raises it again after a clean stop.
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
