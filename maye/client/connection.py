"""A signed-in connection to a server: requests, their errors, files up and down, and events."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from maye.api_types import FieldProblem
from maye.errors import CommandError, NobodyAnswersError, NotSignedInError

Json = Mapping[str, Any]
"""A JSON object as the server sends it; `maye.api_types` says which keys each has."""
Query = Mapping[str, Any]
"""Parameters of an address; those that are None are left out."""

CONNECT_S = 10.0
"""Longest wait for a connection where the answer itself may take as long as it wants."""
BLOCK_BYTES = 2**20
OnProgress = Callable[[int, int], None]
"""Told how many bytes have gone, and of how many."""
_FILE_NAME = re.compile(r'filename="([A-Za-z0-9][A-Za-z0-9._-]{0,199})"')


class ServerError(CommandError):
    """The server refused a request."""

    def __init__(
        self, message: str, *, status: int, code: str, fields: Iterable[FieldProblem] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status."""
        self.code = code
        """Stable error code."""
        self.fields = list(fields)
        """Fields of the request that were refused: path, message, got."""


class RefusedTokenError(ServerError, NotSignedInError):
    """The server does not know the token."""


class AwayError(NobodyAnswersError):
    """Nobody answers at the address."""


class Connection:
    """Requests to one server under /api/v1/."""

    def __init__(self, address: str, token: str, *, timeout_s: float) -> None:
        self.address = address.rstrip("/")
        self.http = httpx.Client(
            base_url=f"{self.address}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout_s,
            trust_env=False,
        )

    def get(self, path: str, query: Query | None = None) -> Any:
        """GET a resource."""
        return self.send("GET", path, params=given(query or {}))

    def post(self, path: str, body: object = None, *, is_slow: bool = False) -> Any:
        """POST a body; a slow one is waited for as long as it takes."""
        more = {"timeout": httpx.Timeout(None, connect=CONNECT_S)} if is_slow else {}
        return self.send("POST", path, json={} if body is None else body, **more)

    def patch(self, path: str, body: object) -> Any:
        """PATCH a resource."""
        return self.send("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        """DELETE a resource."""
        self.send("DELETE", path)

    def send(self, method: str, path: str, **arguments: Any) -> Any:
        """A request and its JSON answer.

        Raises:
            AwayError: nobody answered.
            ServerError: the server refused.
        """
        with self._told():
            response = self.http.request(method, path, **arguments)
        if not response.is_success:
            raise error_of(f"{method} {path}", response)
        return response.json() if response.content else None

    def read(self, path: str, query: Query | None = None) -> bytes:
        """The bytes of a file that the server holds.

        Raises:
            AwayError: nobody answered.
            ServerError: the server refused.
        """
        with self._told():
            response = self.http.get(path, params=given(query or {}))
        if not response.is_success:
            raise error_of(f"GET {path}", response)
        return response.content

    def download(self, path: str, target: Path, *, on_progress: OnProgress | None = None) -> Path:
        """Write a file that the server holds to `target`: completely, or not at all.

        Args:
            path: where the server has it.
            target: the file, or a folder: then the server names the file.
            on_progress: told the bytes that have come, and those of the whole (0: unknown).

        Returns:
            The file.

        Raises:
            AwayError: nobody answered, or the connection broke.
            ServerError: the server refused.
        """
        wait = httpx.Timeout(None, connect=CONNECT_S)
        with self._told(), self.http.stream("GET", path, timeout=wait) as response:
            if not response.is_success:
                response.read()
                raise error_of(f"GET {path}", response)
            if target.is_dir():
                target /= _file_name(response)
            unfinished = target.with_name(f".{target.name}.part")
            try:
                with unfinished.open("wb") as file:
                    for block in response.iter_bytes(BLOCK_BYTES):
                        file.write(block)
                        if on_progress is not None:
                            on_progress(file.tell(), int(response.headers.get("content-length", 0)))
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)
        return target

    def upload(
        self, path: str, blocks: Iterable[bytes], media_type: str, query: Query | None = None
    ) -> Any:
        """POST a file as it is made; the answer is waited for as long as it takes."""
        return self.send(
            "POST",
            path,
            params=given(query or {}),
            content=blocks,
            headers={"Content-Type": media_type},
            timeout=httpx.Timeout(None, connect=CONNECT_S),
        )

    def stream(self, query: Query, *, silence_s: float) -> Iterator[tuple[str, Any]]:
        """Events of the server as they come: name and data; ends when the server ends it.

        Raises:
            AwayError: nobody answered, or the connection broke, or nothing came for `silence_s`.
            ServerError: the server refused.
        """
        wait = httpx.Timeout(silence_s, connect=CONNECT_S)
        with (
            self._told(),
            self.http.stream("GET", "stream", params=given(query), timeout=wait) as response,
        ):
            if not response.is_success:
                response.read()
                raise error_of("GET stream", response)
            event = ""
            for line in response.iter_lines():
                field, _, value = line.partition(": ")
                if field == "event":
                    event = value
                elif field == "data":
                    yield event, json.loads(value)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in words that nobody answers."""
        try:
            yield
        except httpx.TransportError as error:
            raise AwayError(
                f"no answer from {self.address} ({type(error).__name__}). Is the platform running "
                "(`maye up`), and is MAYE_API_URL right?"
            ) from error


def _file_name(response: httpx.Response) -> str:
    """The name that the server gives a file, or one of our own where it could be a path."""
    found = _FILE_NAME.search(response.headers.get("content-disposition", ""))
    return found[1] if found else "download"


def given(query: Query) -> dict[str, Any]:
    """The parameters that are not None."""
    return {name: value for name, value in query.items() if value is not None}


def error_of(what: str, response: httpx.Response) -> ServerError:
    """The exception for an answer that is not a success."""
    code, detail = "", response.text[:500]
    fields: list[FieldProblem] = []
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = response.json()
        code, detail, fields = problem["code"], problem["detail"], problem.get("fields", [])
    lines = [f"{what} was refused ({response.status_code} {code}): {detail}"]
    for field in fields:
        where = ".".join(map(str, field["path"]))
        lines.append(f"  {where}: {field['message']} (got {field['got']})")
    kind = RefusedTokenError if response.status_code == 401 else ServerError
    return kind("\n".join(lines), status=response.status_code, code=code, fields=fields)
