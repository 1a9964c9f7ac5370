"""What a worker asks of the API: announce, claim, heartbeat, ingest, end; a request each."""

from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel

from backend.contract.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    StaleFenceError,
)
from backend.contract.messages import (
    Announcement,
    AnnouncementReply,
    AttemptEnd,
    ClaimReply,
    ClaimRequest,
    Heartbeat,
    HeartbeatReply,
    IngestBatch,
)
from backend.contract.settings import Settings

ReplyT = TypeVar("ReplyT", bound=BaseModel)

_CODED = {
    "stale_fence": StaleFenceError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "illegal_transition": ConflictError,
}


class UnreachableError(Exception):
    """The API is away or cannot answer now; the same request may be sent again."""


class WrongTokenError(UnreachableError):
    """The API does not know the token, which may be about to change."""


class ApiClient:
    """A connection to the API with the worker's token. Not shared between threads."""

    def __init__(self, settings: Settings, *, timeout_s: float) -> None:
        self._token_file: Path = settings.paths.worker_token
        self._http = httpx.Client(
            base_url=f"{settings.api_url.rstrip('/')}/api/v1/worker/",
            timeout=timeout_s,
            trust_env=False,
        )

    def announce(self, announcement: Announcement) -> AnnouncementReply:
        """Say that this worker is there."""
        return AnnouncementReply.model_validate_json(self._post("announce", announcement))

    def claim(self, request: ClaimRequest) -> ClaimReply:
        """The next run that fits, if any."""
        return ClaimReply.model_validate_json(self._post("claim", request))

    def heartbeat(self, run_id: UUID, beat: Heartbeat) -> HeartbeatReply:
        """Renew the lease and learn what the platform wants."""
        reply = self._post(f"runs/{run_id}/heartbeat", beat)
        return HeartbeatReply.model_validate_json(reply)

    def ingest(self, run_id: UUID, batch: IngestBatch) -> None:
        """Hand over records; returns once they are stored."""
        self._post(f"runs/{run_id}/ingest", batch)

    def end(self, run_id: UUID, end: AttemptEnd) -> None:
        """Say how the attempt ended."""
        self._post(f"runs/{run_id}/end", end)

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()

    def _post(self, path: str, body: BaseModel) -> bytes:
        """Send a message.

        Raises:
            UnreachableError: nobody answered, or the answer may be another one later.
            WrongTokenError: the token is not the API's.
            StaleFenceError: somebody else has claimed the run.
            NotFoundError: the run is gone.
            ConflictError: the run's state does not allow it.
            InvalidInputError: the API will never accept this message.
        """
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
            response = self._http.post(
                path,
                content=body.model_dump_json().encode(),
                headers={
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/json",
                },
            )
        except (OSError, httpx.TransportError) as error:
            raise UnreachableError(f"{path}: {error!r}") from error
        if response.is_success:
            return response.content
        raise _error_of(path, response)


def _error_of(path: str, response: httpx.Response) -> Exception:
    """The exception for an answer that is not a success."""
    code, detail = "", response.text[:2000]
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        problem = response.json()
        code, detail = str(problem["code"]), _describe(problem)
    if code in _CODED:
        return _CODED[code](detail)
    if response.status_code == 401:
        return WrongTokenError(f"{path} answered 401 {code}: {detail}")
    if response.status_code in (400, 413, 422):
        return InvalidInputError(f"{path} was refused ({response.status_code} {code}): {detail}")
    return UnreachableError(f"{path} answered {response.status_code} {code}: {detail}")


def _describe(problem: dict[str, object]) -> str:
    """A problem's detail with the fields it names."""
    fields = problem.get("fields")
    named = [
        f"{'.'.join(map(str, field['path']))}: {field['message']} (got {field['got']})"
        for field in (fields if isinstance(fields, list) else [])
    ]
    return "; ".join([str(problem.get("detail", "")), *named])[:2000]
