"""The outermost layer: request ids, accepted hosts, size of bodies, security headers."""

import re
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.access import Access
from backend.api.error_handlers import MEDIA_TYPE, build_problem
from backend.api.meters import Meters
from backend.contract.logs import bind_fields
from backend.contract.settings import Settings

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]", "testserver")
ANY_ADDRESS = frozenset({"0.0.0.0", "::"})
"""Values of MAYE_HOST that name no address at which somebody could ask for it."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What is taken over of a client's X-Request-ID."""
WORKER_PREFIX = "/api/v1/worker/"
UPLOAD_ROUTES = frozenset({"/api/v1/archives", "/api/v1/datasets/upload"})
"""Routes whose bodies are files: they go to disk as they arrive, up to MAYE_MAX_UPLOAD_BYTES."""
WORKER_BODY_FACTOR = 8
"""Batches of a worker may be so many times larger than other bodies."""

SECURITY_HEADERS = {
    # Charts and the grid set style attributes; scripts never come from inside a page.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Pure ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: Settings, meters: Meters) -> None:
        self._app = app
        self._meters = meters
        extra = (host.strip().lower() for host in settings.allowed_hosts.split(","))
        own = {settings.host.lower()} - ANY_ADDRESS
        self._hosts = frozenset({*LOCAL_HOSTS, *own, *(host for host in extra if host)})
        self._max_body_bytes = settings.max_json_body_bytes
        self._max_upload_bytes = settings.max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; there are no WebSockets, so those are closed."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 4404})
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope["maye.request_id"] = request_id
        bind_fields(request_id=request_id)
        access = Access(scope, send)
        try:
            await self._answer(scope, receive, access.send, request_id)
        finally:
            access.log()
            self._meters.count_request(access)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        headers = Headers(scope=scope)
        guarded_send = _with_headers(send, request_id)
        if _host_name(headers.get("host", "")) not in self._hosts:
            detail = "this Host is not accepted: add it to MAYE_ALLOWED_HOSTS"
            await _refuse(guarded_send, 400, "host_not_allowed", detail, request_id)
            return
        if b"%00" in scope["query_string"]:
            # No stored text has one, and PostgreSQL refuses to look for it.
            detail = "a parameter holds the character NUL (%00), which no text here does"
            await _refuse(guarded_send, 422, "invalid_input", detail, request_id)
            return
        limit = self._max_body_bytes
        if scope["path"].startswith(WORKER_PREFIX):
            limit *= WORKER_BODY_FACTOR
        elif scope["method"] == "POST" and scope["path"] in UPLOAD_ROUTES:
            limit = self._max_upload_bytes
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > limit:
            await _refuse(guarded_send, 413, "body_too_large", _too_large(limit), request_id)
            return
        await self._app(scope, _limited(receive, limit), guarded_send)


def _host_name(host: str) -> str:
    """The Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit} bytes"


def _limited(receive: Receive, limit: int) -> Receive:
    """Stop reading a body without a length as soon as it is too large."""
    num_bytes = 0

    async def receive_limited() -> Message:
        nonlocal num_bytes
        message = await receive()
        if message["type"] == "http.request":
            num_bytes += len(message.get("body", b""))
            if num_bytes > limit:
                raise HTTPException(413, _too_large(limit))
        return message

    return receive_limited


def _with_headers(send: Send, request_id: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers["X-Request-ID"] = request_id
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return send_with_headers


async def _refuse(send: Send, status: int, code: str, detail: str, request_id: str) -> None:
    body = build_problem(status, code, detail, request_id)
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
