"""Requests sent so that trying again cannot double them, and refusals told field by field."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import httpx
from pydantic import BaseModel, ValidationError

from maye.client import AwayError, Client, ServerError
from maye.errors import CommandError

TRIES = 3
PAUSE_S = 1.0
NO_SUCH_FIELD = "Extra inputs are not permitted"
"""What pydantic says of a key that is not in a closed model."""
MAX_GOT_CHARS = 80

Path = Sequence[str | int]


def model_of(kind: str) -> type[BaseModel]:
    """What a configuration of a kind, or an experiment, is; that of RL for an unknown kind."""
    # Loaded when a configuration is looked at: the other commands need not wait for it.
    from backend.contract.config import EvaluationRunConfig, RLConfig, SFTConfig
    from backend.contract.experiments import ExperimentSpec

    models: Mapping[str, type[BaseModel]] = {
        "sft": SFTConfig,
        "evaluation": EvaluationRunConfig,
        "experiment": ExperimentSpec,
    }
    return models.get(kind, RLConfig)


class RefusedError(CommandError):
    """What was to be submitted is not acceptable, with every field that is to blame."""


def post_once(client: Client, path: str, body: Mapping[str, Any], key: str) -> Any:
    """POST so that the platform acts once, even when its answer got lost and it is asked again.

    Args:
        client: the connection.
        path: resource under /api/v1/.
        body: the request.
        key: idempotency key; the same key with the same body gives the same answer.

    Raises:
        AwayError: nobody answers.
        ServerError: the platform refused.
    """
    for _ in range(TRIES - 1):
        try:
            return _post(client, path, body, key)
        except AwayError as error:
            # Nobody has heard the request: the person knows best what to do.
            if isinstance(error.__cause__, httpx.ConnectError):
                raise
            time.sleep(PAUSE_S)
    return _post(client, path, body, key)


def _post(client: Client, path: str, body: Mapping[str, Any], key: str) -> Any:
    return client.connection.send("POST", path, json=body, headers={"Idempotency-Key": key})


def explain(error: ServerError, source: str, kind: str, inside: Path = ("config",)) -> RefusedError:
    """A refusal by the platform in the words of whoever wrote the file.

    Args:
        error: what the platform said.
        source: the file or preset that the request came from.
        kind: of what was sent under `inside`, as `model_of` knows it.
        inside: where in the request the file's content was.
    """
    root = model_of(kind)
    lines = [f"{source} was refused ({error.status} {error.code})"]
    for field in error.fields:
        path = list(field["path"])
        own = path[len(inside) :] if path[: len(inside)] == list(inside) else path
        lines.append(_describe(own, field["message"], field["got"], root))
    if not error.fields:
        lines[0] = f"{lines[0]}: {error}"
    return RefusedError("\n".join(lines))


def explain_here(error: ValidationError, source: str, kind: str) -> RefusedError:
    """As `explain`, for what was checked on this side.

    Args:
        error: what pydantic says.
        source: the file or preset.
        kind: of what was to be read; pydantic puts it before the paths of a union's member.
    """
    root = model_of(kind)
    lines = [f"{source} is not valid"]
    for problem in error.errors(include_url=False):
        path = problem["loc"][1:] if problem["loc"][:1] == (kind,) else problem["loc"]
        got = repr(problem["input"])
        if len(got) > MAX_GOT_CHARS:
            got = got[: MAX_GOT_CHARS - 3] + "..."
        lines.append(_describe(path, problem["msg"], got, root))
    return RefusedError("\n".join(lines))


def _describe(path: Path, message: str, got: str, root: type[BaseModel]) -> str:
    where = ".".join(map(str, path)) or "the whole"
    if message.startswith(NO_SUCH_FIELD):
        allowed = ", ".join(fields_at(root, path[:-1]))
        return f"  {where}: there is no such field (got {got}; allowed there: {allowed})"
    return f"  {where}: {message} (got {got})"


def fields_at(root: type[BaseModel], path: Path) -> list[str]:
    """Names of the fields of a part of a configuration, by name; none where it is no group.

    >>> fields_at(model_of("rl"), ["evaluation", "decoding", 0])
    ['k', 'temperature', 'top_p']
    """
    model: type[BaseModel] | None = root
    for name in path:
        if isinstance(name, int):
            continue
        field = model.model_fields.get(name) if model is not None else None
        model = None if field is None else _model_in(field.annotation)
    return [] if model is None else sorted(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of a field's type, through unions and tuples."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model is not None), None)
