"""A hub on this machine that answers what huggingface_hub asks: lists, sizes and files."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """Repositories by kind and name, and what was asked."""

    address: str
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """`datasets/owner/name` or `models/owner/name` to its files."""
    gated: set[str] = field(default_factory=set)
    lies_about_sizes: bool = False
    requests: list[str] = field(default_factory=list)
    """Method and path."""
    tokens: set[str | None] = field(default_factory=set)
    """Authorization headers that came."""

    @property
    def fetched(self) -> list[str]:
        """Files whose content was sent."""
        return [
            request.partition(f"/resolve/{COMMIT}/")[2]
            for request in self.requests
            if request.startswith("GET") and "/resolve/" in request
        ]


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = FakeHub(f"http://127.0.0.1:{server.server_port}")
    server.hub = hub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    @property
    def hub(self) -> FakeHub:
        return self.server.hub  # type: ignore[attr-defined]

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        self.hub.tokens.add(self.headers.get("Authorization"))
        if path.startswith("/api/"):
            self._list(path.removeprefix("/api/"))
        else:
            self._file(path.strip("/"))

    def _list(self, path: str) -> None:
        name, _, revision = path.partition("/revision/")
        files = self.hub.repos.get(name)
        if name in self.hub.gated:
            self._send(403, b"{}", {"X-Error-Code": "GatedRepo"})
        elif files is None:
            self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("main", COMMIT):
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        else:
            about = {
                "id": name.partition("/")[2],
                "sha": COMMIT,
                "siblings": [
                    {"rfilename": file, "size": len(content) + self.hub.lies_about_sizes}
                    for file, content in files.items()
                ],
                "private": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            }
            self._send(200, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def _file(self, path: str) -> None:
        name, _, rest = path.partition("/resolve/")
        kind = "" if name.startswith("datasets/") else "models/"
        commit, _, file = rest.partition("/")
        content = self.hub.repos.get(kind + name, {}).get(file)
        if content is None or commit != COMMIT:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        etag = hashlib.sha256(content).hexdigest()
        self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
