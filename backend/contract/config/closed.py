"""The base of every part of a configuration, and its words."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints

Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$", max_length=64)
]


def unit(name: str) -> dict[str, JsonValue]:
    """The unit of a field, shown behind its input in the launch form."""
    return {"unit": name}


class Closed(BaseModel):
    """A part of a configuration: unknown keys fail, nothing changes after validation."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )
