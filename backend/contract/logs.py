"""Logs of every process in one form: text for people, or one JSON object a line for machines.

What belongs to all lines of a process (a run, an attempt) is said once at its start; what belongs
to a piece of work (a request) is bound where it begins, and goes into every line until it ends.
Passwords in addresses and bearer tokens never get into a line.
"""

import json
import logging
import math
import re
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Literal, TextIO

LogFormat = Literal["text", "json"]
Fields = Mapping[str, str | int | float | None]

_BOUND: ContextVar[Fields] = ContextVar("maye_log_fields", default=MappingProxyType({}))
_STANDARD = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message", "data", "taskName"}
)
"""Attributes that every record has, and those that libraries add for their own formatters."""
_SECRETS = re.compile(
    r"(?P<before>://[^\s/:@'\"]*:)[^\s/@'\"]+(?=@)|(?P<scheme>\bBearer\s+)[^\s'\"]+", re.IGNORECASE
)
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def hide_secrets(text: str) -> str:
    """The text without passwords of addresses and without bearer tokens.

    >>> hide_secrets("redis://:secret@host/0 refused Bearer abc")
    'redis://:***@host/0 refused Bearer ***'
    """
    return _SECRETS.sub(lambda match: f"{match['before'] or match['scheme']}***", text)


def bind_fields(**fields: str | int | float | None) -> None:
    """Put fields into every further line of this piece of work: its task, and threads it waits for.

    Args:
        **fields: name to value, for example request_id.
    """
    _BOUND.set({**_BOUND.get(), **fields})


class TextFormatter(logging.Formatter):
    """A line for people; what is bound stands at its end."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """The line, followed by a traceback where there is one."""
        return hide_secrets(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line itself, with the fields that are bound."""
        line = super().formatMessage(record)
        bound = " ".join(f"{name}={value}" for name, value in _BOUND.get().items())
        return f"{line} [{bound}]" if bound else line


class JsonFormatter(logging.Formatter):
    """One JSON object on one line, of ASCII alone, with every field by its name."""

    def __init__(self, fields: Fields) -> None:
        super().__init__()
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback is its field `exception`."""
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._fields,
            **_BOUND.get(),
            **extra,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return json.dumps({name: _plain(value) for name, value in line.items()})


def _plain(value: object) -> str | int | float | None:
    """A value that JSON has; anything else as its text."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return hide_secrets(str(value))


def set_up_logging(
    log_format: LogFormat, *, stream: TextIO | None = None, **fields: str | int | None
) -> None:
    """Send everything that this process logs, warns of and dies of to a stream in one form.

    Args:
        log_format: text or json.
        stream: where to; default standard error.
        **fields: what belongs to every line, for example service="api"; only JSON shows it.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    formatter = JsonFormatter(fields) if log_format == "json" else TextFormatter()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    # Their lines about each request or migration say nothing that ours do not.
    for name in ("httpx", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _log_death
    threading.excepthook = _log_death_of_thread


def _log_death(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("maye").critical("the process died", exc_info=(kind, error, trace))


def _log_death_of_thread(death: threading.ExceptHookArgs) -> None:
    error = death.exc_value or death.exc_type()
    name = death.thread.name if death.thread else "?"
    logging.getLogger("maye").critical(
        "thread %s died", name, exc_info=(death.exc_type, error, death.exc_traceback)
    )
