"""REST, from the API's own description."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from backend.api.app import create_app
from backend.contract.settings import Settings
from docs._generate.configuration import written_parts
from docs._generate.json_schema import (
    Schema,
    describe_bounds,
    describe_default,
    describe_field,
    describe_type,
)
from docs._generate.markdown import code, head, join, sentence, table

SOURCE = "the API's OpenAPI description"
METHODS = ("get", "post", "put", "patch", "delete")

INTRODUCTION = """\
The API speaks JSON under `/api/v1/`; its description for programs is `/api/v1/openapi.json`.

- **Signing in.** A script sends `Authorization: Bearer TOKEN`, where TOKEN is the content of
  `admin-token` in `MAYE_HOME` (`maye token show`). A browser exchanges it once for a cookie by
  `POST /api/v1/session`. Open without either: health, session, the dashboard's files and this site.
- **Errors** are problems with a stable code: [error codes](errors.md).
- **Pages.** A list answers with `next_cursor`; send it as `cursor` to get the next page.
- **Repeating.** `POST` of runs, evaluations and experiments take an `Idempotency-Key`: the same key
  with the same body gives the same result, however often it is sent.

```console
$ curl -H "Authorization: Bearer $(cat .maye/admin-token)" \\
    http://127.0.0.1:8000/api/v1/runs
```"""


@cache
def _description() -> Mapping[str, Any]:
    # Through JSON, as a client sees it: key order and types are then the same for everybody.
    return json.loads(json.dumps(create_app(Settings()).openapi()))


def write_rest() -> str:
    """The page of routes."""
    blocks = [head("REST", SOURCE), INTRODUCTION]
    for tag, operations in _by_tag():
        blocks.append(f"## {tag.capitalize()} {{ #{tag} }}")
        for method, path, operation in operations:
            blocks += _describe_operation(method, path, operation)
    return join(blocks)


def write_bodies() -> str:
    """The page of bodies."""
    blocks = [
        head("REST bodies", SOURCE),
        "What the [routes](rest.md) take and give. Those that are part of a run's configuration "
        "are on the page [Configuration](configuration.md).",
    ]
    for name, schema in sorted(_schemas().items(), key=lambda item: _title(item[0])):
        if name not in written_parts():
            blocks += _describe_body(name, schema)
    return join(blocks)


def _by_tag() -> Iterator[tuple[str, list[tuple[str, str, Schema]]]]:
    tags: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, operations in _description()["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                tag = operation.get("tags", ["other"])[0]
                tags.setdefault(tag, []).append((method.upper(), path, operation))
    yield from tags.items()


def _describe_operation(method: str, path: str, operation: Schema) -> Iterator[str]:
    yield f"### `{method} {path}` {{ #{operation['operationId']} }}"
    yield "\n\n".join(map(sentence, operation.get("description", "").split("\n\n")))
    rows = [
        (
            code(parameter["name"]),
            parameter["in"],
            "; ".join(
                [describe_type(parameter["schema"], _link), *describe_bounds(parameter["schema"])]
            ),
            describe_default(parameter["schema"], is_required=parameter["required"]),
            sentence(parameter.get("description", "")),
        )
        for parameter in operation.get("parameters", ())
    ]
    if any(row[-1] for row in rows):
        yield table(("Parameter", "In", "Type and range", "Default", "Meaning"), rows)
    else:
        yield table(("Parameter", "In", "Type and range", "Default"), [row[:-1] for row in rows])
    lines = [f"- Takes: {text}" for text in _contents(operation.get("requestBody", {}))]
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            gives = " or ".join(_contents(answer)) or "nothing"
            lines.append(f"- Gives {status}: {gives}")
    yield "\n".join(lines)


def _contents(holder: Schema) -> Iterator[str]:
    """What a request or an answer holds, for each media type."""
    for media_type, content in holder.get("content", {}).items():
        kind = describe_type(content.get("schema", {}), _link)
        yield kind if media_type == "application/json" else f"{code(media_type)}"


def _describe_body(name: str, schema: Schema) -> Iterator[str]:
    yield f"## {_title(name)} {{ #{name} }}"
    yield "\n\n".join(map(sentence, schema.get("description", "").split("\n\n")))
    if "properties" not in schema:
        yield describe_type(schema, _link)
        return
    rows = [
        (
            code(key),
            "; ".join([describe_type(field, _link), *describe_bounds(field)]),
            describe_default(field, is_required=key in schema.get("required", ())),
            describe_field(field),
        )
        for key, field in schema["properties"].items()
    ]
    yield table(("Field", "Type and range", "Default", "Meaning"), rows)


def _schemas() -> Mapping[str, Schema]:
    return _description()["components"]["schemas"]


def _title(name: str) -> str:
    """A body's own name; FastAPI puts the module before it where two have the same."""
    return name.rsplit("__", 1)[-1]


def _link(name: str) -> str:
    page = "configuration.md" if name in written_parts() else "rest-bodies.md"
    return f"[{_title(name)}]({page}#{name})"
