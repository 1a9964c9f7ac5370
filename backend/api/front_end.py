"""The built front end: files as they are, and its page for every address that is a view of it."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

IMMUTABLE = "public, max-age=31536000, immutable"
VIEWS = ("/runs/", "/datasets/", "/models/")
"""Addresses of views that may end in a slug with a dot."""
NOT_BUILT = "The front end is not built yet: run `make up`, then reload this page.\n"
PACKAGED = Path(__file__).resolve().parent / "static"
"""Where an installed wheel has the built front end (`setup.py`); absent in a checkout."""


def find_front_end() -> Path:
    """Folder of the built front end: the installed package's, in a checkout frontend/dist."""
    return PACKAGED if PACKAGED.is_dir() else PACKAGED.parents[2] / "frontend" / "dist"


class FrontEnd:
    """ASGI application for everything outside the API."""

    def __init__(self, folder: Path) -> None:
        self._page = folder / "index.html"
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file, or the page."""
        request = Request(scope)
        path = request.url.path
        if path.startswith("/api/"):
            raise HTTPException(404, "there is no such route")
        if request.method not in {"GET", "HEAD"}:
            raise HTTPException(405, "files are only read", {"Allow": "GET, HEAD"})
        is_page = "." not in path.rsplit("/", 1)[-1] or path.startswith(VIEWS)
        if is_page and not self._page.is_file():
            await PlainTextResponse(NOT_BUILT, 503)(scope, receive, send)
            return
        name = "index.html" if is_page else path.lstrip("/")
        response = await self._files.get_response(
            self._files.get_path({**scope, "path": f"/{name}"}), scope
        )
        is_hashed = path.startswith("/assets/")
        response.headers["Cache-Control"] = IMMUTABLE if is_hashed else "no-cache"
        await response(scope, receive, send)
