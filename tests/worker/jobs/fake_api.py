"""An API of the worker's requests that can be told to fail, answer wrongly, or be away."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FakeApi:
    """Keeps what it is told by what it is about; counts how often it was told."""

    token: str
    steps: dict[int, dict[str, Any]] = field(default_factory=dict)
    samples: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    log: dict[tuple[int, int], str] = field(default_factory=dict)
    beats: list[dict[str, Any]] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    num_ingests: int = 0
    claims: list[dict[str, Any]] = field(default_factory=list)
    """Handed out one after the other."""
    should_cancel: bool = False
    is_away: bool = False
    """Answers 503 to everything, after having done nothing."""
    num_lost_answers: int = 0
    """So many ingests will be stored but answered with 500."""
    refusal: tuple[int, str] | None = None
    """Status and code with which every ingest is refused."""
    fence: int = 1
    """The only fence that may write."""
    address: str = ""
    """Where it is served."""
    announcements: list[dict[str, Any]] = field(default_factory=list)
    announce_refusal: tuple[int, str] | None = None
    """Status and code with which every announcement is refused."""
    is_draining: bool = False
    has_work: bool = False
    num_claims: int = 0

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.is_away:
            return 503, {"code": "unavailable", "detail": "away"}
        if path.endswith("/announce"):
            return self._announce(body)
        if path.endswith("/claim"):
            self.num_claims += 1
            return 200, {"claim": self.claims.pop(0) if self.claims else None}
        if body["fence"] != self.fence:
            return 409, {"code": "stale_fence", "detail": f"fence {body['fence']} is over"}
        if path.endswith("/heartbeat"):
            self.beats.append(body)
            return 200, {"should_cancel": self.should_cancel}
        if path.endswith("/end"):
            self.ends.append(body)
            return 200, {}
        return self._ingest(body)

    def _announce(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.announce_refusal:
            status, code = self.announce_refusal
            return status, {"code": code, "detail": "refused by the test"}
        self.announcements.append(body)
        return 200, {"is_draining": self.is_draining, "has_work": self.has_work}

    def _ingest(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.num_ingests += 1
        if self.refusal:
            status, code = self.refusal
            return status, {"code": code, "detail": "refused by the test"}
        for record in body["records"]:
            if record["type"] == "step":
                self.steps[record["rl_step"]] = record
            if record["type"] == "sample":
                self.samples[record["rl_step"], record["index"]] = record
        for chunk in body["log"]:
            self.log[chunk["fence"], chunk["offset"]] = chunk["text"]
        if self.num_lost_answers:
            self.num_lost_answers -= 1
            return 500, {"code": "internal", "detail": "the answer was lost"}
        return 200, {}

    def text_of(self, fence: int) -> str:
        pieces = sorted(item for item in self.log.items() if item[0][0] == fence)
        return "".join(text for _, text in pieces)


def serve(api: FakeApi) -> ThreadingHTTPServer:
    """Start answering; `shutdown()` and `server_close()` end it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Authorization"] == f"Bearer {api.token}":
                status, reply = api.answer(self.path, body)
            else:
                status, reply = 401, {"code": "unauthorized", "detail": "another token"}
            content = json.dumps(reply).encode()
            self.send_response(status)
            kind = "application/json" if status < 400 else "application/problem+json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
