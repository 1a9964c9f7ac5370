"""Errors as RFC 9457 problem details: one table from code to status, no internals."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from sqlalchemy.exc import OperationalError, TimeoutError
from starlette.exceptions import HTTPException

from backend.api.schemas import FieldProblem, Problem
from backend.api.services.field_errors import InvalidFieldError
from backend.api.services.texts import shorten
from backend.contract.config import RunKind
from backend.contract.errors import PlatformError, StaleFenceError
from backend.database.session import was_too_slow

STATUS_OF_CODE = MappingProxyType(
    {
        "not_found": 404,
        "conflict": 409,
        "illegal_transition": 409,
        "stale_fence": 409,
        "invalid_input": 422,
        "dataset_invalid": 422,
        "model_invalid": 422,
        "unauthorized": 401,
        "forbidden": 403,
        "schema_too_new": 503,
        "checkpoint_corrupt": 409,
        "checkpoint_not_saved": 507,
        "resume_refused": 409,
        "trace_corrupt": 409,
        "run_imported": 409,
        "archive_invalid": 422,
        "archive_too_new": 422,
        "disk_full": 507,
        "hub_unavailable": 502,
        "training_failed": 500,
        "platform_error": 500,
    }
)
"""HTTP status of every error code."""

CODE_OF_STATUS = MappingProxyType(
    {
        400: "bad_request",
        404: "not_found",
        405: "method_not_allowed",
        413: "body_too_large",
        503: "unavailable",
    }
)
"""Codes of errors that the web framework raises itself."""

MEDIA_TYPE = "application/problem+json"
MAX_FIELDS = 50
MAX_PATH_PARTS = 16

logger = logging.getLogger(__name__)


def build_problem(
    status: int, code: str, detail: str, request_id: str, fields: list[FieldProblem] | None = None
) -> bytes:
    """The JSON body of a problem."""
    problem = Problem(
        type=f"urn:maye:error:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail.encode("utf-8", "replace").decode(),
        request_id=request_id,
        fields=fields or [],
    )
    return problem.model_dump_json().encode()


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error with a problem."""
    app.add_exception_handler(PlatformError, _answer_platform_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(OperationalError, _answer_busy_database)
    app.add_exception_handler(TimeoutError, _answer_busy_database)
    app.add_exception_handler(Exception, _answer_unexpected)


def _request_id(request: Request) -> str:
    return str(request.scope.get("maye.request_id", ""))


def _respond(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    fields: list[FieldProblem] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    body = build_problem(status, code, detail, _request_id(request), fields)
    return Response(body, status, headers=headers, media_type=MEDIA_TYPE)


def _answer_platform_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, PlatformError)
    fields = None
    if isinstance(error, InvalidFieldError):
        fields = [FieldProblem(path=list(error.path), message=error.message, got=error.got)]
    if isinstance(error, StaleFenceError):
        request.app.state.meters.count_rejected_fence()
    status = STATUS_OF_CODE[error.code]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return _respond(request, status, error.code, error.message, fields=fields, headers=headers)


def _answer_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems: Sequence[dict[str, Any]] = error.errors()
    names_kind = request.url.path.endswith("/runs")
    fields = [_describe_field(problem, names_kind=names_kind) for problem in problems[:MAX_FIELDS]]
    first = fields[0]
    where = ".".join(str(part) for part in first.path) or "the body"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    detail = f"{where}: {first.message}{more}"
    return _respond(request, 422, "invalid_input", detail, fields=fields)


def _describe_field(problem: dict[str, Any], *, names_kind: bool) -> FieldProblem:
    location = list(problem["loc"])
    # "body" is the root that paths start from; other places (query, path, header) keep their name.
    path = location[1:] if location[:1] == ["body"] else location
    # The kind of a run is no key of the body: pydantic names by it what it read the body as.
    if names_kind and path[:1] == ["config"] and path[1:2] and path[1] in get_args(RunKind):
        path = [path[0], *path[2:]]
    return FieldProblem(
        path=[_show_part(part) for part in path[:MAX_PATH_PARTS]],
        message=str(problem["msg"]).encode("utf-8", "replace").decode()[:300],
        got=shorten(problem.get("input")),
    )


def _show_part(part: Any) -> str | int:
    return part if isinstance(part, int) else str(part).encode("utf-8", "replace").decode()[:80]


def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = CODE_OF_STATUS.get(error.status_code, "http_error")
    headers = dict(error.headers) if error.headers else None
    return _respond(request, error.status_code, code, str(error.detail), headers=headers)


def _answer_busy_database(request: Request, error: Exception) -> Response:
    # The statement's values are left out: they may be anybody's data.
    cause = error.orig if isinstance(error, OperationalError) else error
    logger.error("request %s: database unavailable: %s", _request_id(request), cause)
    code, detail = "unavailable", "the database is busy or unreachable: try again"
    if isinstance(error, OperationalError) and was_too_slow(error):
        code = "database_timeout"
        detail = "the database took too long and was told to stop: ask for less, or try again"
    return _respond(request, 503, code, detail, headers={"Retry-After": "2"})


def _answer_unexpected(request: Request, error: Exception) -> Response:
    logger.error("request %s failed: %s", _request_id(request), type(error).__name__)
    detail = "something went wrong inside; the server's log has it under the request id"
    return _respond(request, 500, "internal_error", detail)
