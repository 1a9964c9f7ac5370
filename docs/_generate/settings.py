"""The environment variables of a deployment."""

from typing import Any

from backend.contract.settings import PREFIX, Settings
from docs._generate.json_schema import describe_bounds, describe_field, describe_type
from docs._generate.markdown import anchor, code, head, join, table

INTRODUCTION = """\
What an operator decides, as environment variables. The same variables serve every process: the API,
workers and the command line. A value out of range ends the process with the variable's name.
`_s` is seconds, `_bytes` is bytes."""

CLIENT = """\
The command line and the Python client read one more: `MAYE_TOKEN`, the token to sign in with.
Without it they read `admin-token` in `MAYE_HOME`."""


def write_settings() -> str:
    """The page."""
    schema = Settings.model_json_schema()
    rows = [(name, field) for name, field in schema["properties"].items()]
    return join(
        (
            head("Deployment settings", "`backend/contract/settings.py`"),
            INTRODUCTION,
            table(
                ("Variable", "Type and range", "Default", "Meaning"), (_row(*row) for row in rows)
            ),
            CLIENT,
        )
    )


def _row(name: str, field: dict[str, Any]) -> tuple[str, ...]:
    variable = PREFIX + name.upper()
    default = field.get("default")
    kind = (
        describe_type(field, str).replace(" or empty (`null`)", "").replace("string (path)", "path")
    )
    return (
        anchor(variable) + code(variable),
        "; ".join([kind, *describe_bounds(field)]),
        code(default) if default not in (None, "") else "empty",
        describe_field(field),
    )
