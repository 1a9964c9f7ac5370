"""What a JSON schema says of a field, in words: its type, its bounds, its default."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from backend.contract.config import Slug
from docs._generate.markdown import code, sentence, value

Schema = Mapping[str, Any]
Link = Callable[[str], str]
"""Markdown that stands for a schema of a name, usually a link to it."""

_BOUNDS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "above {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "below {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} entries"),
    ("maxItems", "at most {} entries"),
)
SLUG_PATTERN = TypeAdapter[str](Slug).json_schema()["pattern"]
_FORMATS = {"uuid": "UUID", "date-time": "date and time (ISO 8601)", "binary": "bytes"}


def referred(schema: Schema) -> str | None:
    """Name of the schema that this one refers to."""
    reference = schema.get("$ref")
    return None if reference is None else str(reference).rsplit("/", 1)[-1]


def describe_type(schema: Schema, link: Link) -> str:
    """The type in words."""
    name = referred(schema)
    if name is not None:
        return link(name)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _describe_choice(schema[key], link)
    if "const" in schema:
        return value(schema["const"])
    if "enum" in schema:
        return ", ".join(value(choice) for choice in schema["enum"])
    kind = schema.get("type")
    describe = {"array": _describe_list, "object": _describe_object}.get(str(kind))
    if describe is not None:
        return describe(schema, link)
    if "format" in schema:
        return _FORMATS.get(schema["format"], f"string ({schema['format']})")
    return str(kind) if kind else "any JSON"


def _describe_choice(choices: list[Schema], link: Link) -> str:
    named = [describe_type(choice, link) for choice in choices if choice.get("type") != "null"]
    has_null = any(choice.get("type") == "null" for choice in choices)
    return " or ".join([*dict.fromkeys(named), *(["empty (`null`)"] if has_null else [])])


def _describe_list(schema: Schema, link: Link) -> str:
    items = schema.get("items", {})
    if "prefixItems" in schema:
        return "list of " + ", ".join(describe_type(item, link) for item in schema["prefixItems"])
    inner = ", ".join(describe_bounds(items))
    return f"list of {describe_type(items, link)}{f' ({inner})' if inner else ''}"


def _describe_object(schema: Schema, link: Link) -> str:
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping) and values:
        return f"object of {describe_type(values, link)}"
    return "object"


def describe_bounds(schema: Schema) -> Iterator[str]:
    """What a value must keep to."""
    choices = [schema, *schema.get("anyOf", ())]
    for key, words in _BOUNDS:
        for choice in choices:
            if key in choice:
                yield words.format(code(choice[key]))
                break
    for choice in choices:
        if choice.get("pattern") == SLUG_PATTERN:
            yield "lower-case letters, digits, `.`, `_` and `-`"
        elif "pattern" in choice:
            yield f"matches {code(choice['pattern'])}"


def describe_default(schema: Schema, *, is_required: bool) -> str:
    """The default in words."""
    if is_required:
        return "required"
    if "default" not in schema:
        return ""
    default = schema["default"]
    if default is None:
        return "empty"
    # A part's default is the defaults of its own fields.
    return "" if isinstance(default, dict) else value(default)


def describe_field(schema: Schema) -> str:
    """The sentence of a field."""
    return sentence(str(schema.get("description", "")))
