"""The built documentation at /docs/: files as they are, open to everybody like the front end."""

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from backend.api.front_end import IMMUTABLE

ADDRESS = "/docs"
NOT_BUILT = "The documentation is not built yet: run `make docs`, then reload this page.\n"
PACKAGED = Path(__file__).resolve().parent / "site"
"""Where an installed wheel has the built site (`setup.py`); absent in a checkout."""
_HASHED = re.compile(r"\.[0-9a-f]{8}\.min\.(js|css)$")
"""Ends of the names of files whose name changes with their content."""


def find_documentation() -> Path:
    """Folder of the built site: the installed package's, in a checkout site/."""
    return PACKAGED if PACKAGED.is_dir() else PACKAGED.parents[2] / "site"


class Documentation:
    """ASGI application of /docs and everything under it."""

    def __init__(self, folder: Path) -> None:
        self._index = folder / "index.html"
        # In this mode a folder answers with its index, and 404.html stands for what is not there.
        self._files = StaticFiles(directory=folder, check_dir=False, html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file, the index of a folder, or the page for what is not there."""
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, "files are only read", {"Allow": "GET, HEAD"})
        if self._index.is_file():
            response = await self._respond(scope)
        else:
            response = PlainTextResponse(NOT_BUILT, 503)
        await response(scope, receive, send)

    async def _respond(self, scope: Scope) -> Response:
        path: str = scope["path"].removeprefix(ADDRESS)
        inside = {**scope, "root_path": "", "path": path or "/"}
        response = await self._files.get_response(self._files.get_path(inside), scope)
        if isinstance(response, RedirectResponse):
            # Relative to the host that the reader sees, which may be a proxy's.
            response = RedirectResponse(f"{ADDRESS}{path}/", 307)
        is_hashed = response.status_code == 200 and _HASHED.search(path)
        response.headers["Cache-Control"] = IMMUTABLE if is_hashed else "no-cache"
        return response
