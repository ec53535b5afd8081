"""Log lines that find no room are lost, and nothing else with them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import structlog


class EnduringLogger:
    """Prints to standard output; where that is a file on a full disk, the line is dropped and the caller goes on."""

    def __init__(self, *_: Any) -> None:
        self._print = structlog.PrintLogger()

    def msg(self, message: str) -> None:
        with suppress(OSError):
            self._print.msg(message)

    debug = info = warning = warn = error = critical = exception = fatal = log = msg


def endure() -> None:
    """Have all of the process's log lines go this way."""
    structlog.configure(logger_factory=EnduringLogger)
