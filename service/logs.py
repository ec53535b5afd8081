"""One JSON object a line, with the id of the request, never a subject or an identity number.

Lines that find no room are lost, and nothing else with them.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Literal, TextIO

import orjson
import structlog

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:[1-9][0-9]{16}[0-9Xx]|[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10})(?![0-9A-Za-z])")
SUBJECT = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])")
HIDDEN = "[hidden]"
NUMBERS_FROM = 10**17
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
Event = MutableMapping[str, Any]


class EnduringLogger:
    """Prints to standard output; where that is a file on a full disk, the line is dropped and the caller goes on."""

    def __init__(self, *_: Any) -> None:
        self._print = structlog.PrintLogger()

    def msg(self, message: str) -> None:
        with suppress(OSError):
            self._print.msg(message)

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


class _StandardOutput(logging.StreamHandler[TextIO]):
    """The lines of libraries (the server's above all) in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):
            sys.stdout.write(self.format(record) + "\n")
            sys.stdout.flush()


def endure(level: Literal["debug", "info", "warning", "error"] = "info") -> None:
    """Have all of the process's log lines go this way."""
    before: list[structlog.types.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        with_request_id,
        without_subjects,
    ]
    structlog.configure(
        processors=[*before, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=EnduringLogger,
    )
    handler = _StandardOutput()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
            foreign_pre_chain=before,
        )
    )
    server = logging.getLogger("uvicorn")
    server.handlers, server.propagate = [handler], False
    server.setLevel(max(LEVELS[level], logging.WARNING))


def with_request_id(_: Any, __: str, event: Event) -> Event:
    """The line's request, where it is about one."""
    if (found := REQUEST_ID.get()) and "request_id" not in event:
        event["request_id"] = found
    return event


def without_subjects(_: Any, __: str, event: Event) -> Event:
    """Whatever looks like an identity number or a subject id is hidden, wherever it stands (in a traceback, say)."""
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = _hidden(value)
    return event


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return SUBJECT.sub(HIDDEN, NUMBER.sub(HIDDEN, value))
    if isinstance(value, int | float | None):
        return value if not isinstance(value, int) or abs(value) < NUMBERS_FROM else HIDDEN
    if isinstance(value, list | tuple):
        return [_hidden(one) for one in value]
    if isinstance(value, dict):
        return {_hidden(name): _hidden(one) for name, one in value.items()}
    return _hidden(str(value))


def _json(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
