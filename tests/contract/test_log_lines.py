"""Log lines: one JSON object each, whatever is logged, and no secret in either form."""

import contextvars
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.contract.logs import (
    JsonFormatter,
    LogFormat,
    TextFormatter,
    bind_fields,
    hide_secrets,
    set_up_logging,
)


@pytest.fixture
def restored() -> Iterator[None]:
    """The process's own logging afterwards."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook = hooks


def record(message: str, *arguments: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("maye.x", logging.INFO, "f.py", 1, message, arguments, None)
    vars(made).update(extra)
    return made


@given(text=st.text(), value=st.floats() | st.integers() | st.text() | st.none())
def test_any_text_and_number_is_one_json_line(text: str, value: object) -> None:
    line = JsonFormatter({"service": "x"}).format(record("%s", text, value=value))
    assert "\n" not in line
    assert line.isascii()
    # Without NaN and infinities, which no other parser reads.
    parsed = json.loads(line, parse_constant=lambda name: pytest.fail(name))
    assert parsed["message"] == hide_secrets(text)
    assert parsed["service"] == "x"


def test_objects_and_tracebacks_are_text() -> None:
    try:
        raise ValueError("postgresql://u:secret@h/db\nsecond line")
    except ValueError:
        made = record("failed", thing=object())
        made.exc_info = sys.exc_info()
    line = JsonFormatter({}).format(made)
    assert "secret" not in line
    assert "second line" in json.loads(line)["exception"]
    text = TextFormatter().format(made)
    assert "secret" not in text
    assert "second line" in text


@pytest.mark.parametrize(
    "text",
    [
        "redis://:canary@host:6379/0",
        "postgresql+psycopg://maye:canary@db/maye",
        "Authorization: Bearer canary",
        "{'authorization': 'bearer canary'}",
        "cannot connect to redis://user:canary@host",
    ],
)
def test_passwords_and_tokens_are_hidden(text: str) -> None:
    assert "canary" not in hide_secrets(text)
    assert "***" in hide_secrets(text)


def test_other_text_is_left_alone() -> None:
    text = "http://127.0.0.1:8000/api at 12:30@noon, bearer"
    assert hide_secrets(text) == text


def test_what_is_bound_is_in_every_line_of_the_work(restored: None) -> None:
    stream = io.StringIO()
    set_up_logging("json", stream=stream, service="x", fence=3)

    def work() -> None:
        bind_fields(request_id="r1")
        logging.getLogger("a").warning("inside")

    contextvars.copy_context().run(work)
    logging.getLogger("b").info("outside")
    inside, outside = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (inside["request_id"], inside["fence"], inside["level"]) == ("r1", 3, "WARNING")
    assert "request_id" not in outside


@pytest.mark.parametrize("form", ["json", "text"])
def test_warnings_and_deaths_are_lines_too(restored: None, form: LogFormat) -> None:
    stream = io.StringIO()
    set_up_logging(form, stream=stream, service="x")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    error = ValueError("bad")
    sys.excepthook(ValueError, error, None)
    thread = threading.Thread(target=lambda: 1 / 0, name="helper")
    thread.start()
    thread.join()
    output = stream.getvalue()
    for words in ("careful", "the process died", "thread helper died", "division by zero"):
        assert words in output
    if form == "json":
        assert len([json.loads(line) for line in output.splitlines()]) == 3
