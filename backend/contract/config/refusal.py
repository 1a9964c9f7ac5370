"""Refusing a field because of what other fields say, under the field's own path."""

from typing import NoReturn

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


def refuse(path: tuple[str | int, ...], message: str, got: object) -> NoReturn:
    """Refuse a field inside a model validator.

    A plain `ValueError` there would blame the whole model; this one names the field, so that the
    launch form can show the message beside its input.

    Args:
        path: Keys from the validated model to the field.
        message: The rule, with the names and values of all fields that it joins.
        got: The field's value.

    Raises:
        ValidationError: always.
    """
    # The message is no template: braces in it must stay as they are.
    error = PydanticCustomError("contradiction", "{text}", {"text": message})
    details = InitErrorDetails(type=error, loc=path, input=got)
    raise ValidationError.from_exception_data("configuration", [details])
