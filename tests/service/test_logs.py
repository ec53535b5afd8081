"""A full disk under the log takes log lines, and nothing else."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from service.logs import endure


def test_a_log_line_that_finds_no_room_is_dropped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    went_on: list[bool] = []
    endure()
    log = structlog.get_logger()
    with suppress(OSError), Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        log.error("nobody reads this")
        went_on.append(True)
    assert went_on
    log.warning("this is read")
    assert "this is read" in capsys.readouterr().out
