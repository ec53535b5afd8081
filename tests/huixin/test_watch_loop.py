"""``huixin watch loop``: evaluates what is due, says so, and ends when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from records.base import RecordBase
from records.settings import Settings
from service.security import Clients
from service.watch.lists import Interest, WatchLists
from tests.copying import copied

WAIT_SECONDS = 180


def test_the_loop_evaluates_the_watched_and_ends_when_told_to(trained_settings: Settings, tmp_path: Path) -> None:
    settings = copied(trained_settings, tmp_path / "home")
    base = RecordBase.open(settings)
    keys = Clients(base.engine)
    bank = keys.authenticate(keys.add("watching-bank", "bank"))
    subject = str(base.subjects("enterprise")["subject_id"][0])
    WatchLists(base).make(bank, "portfolio", "blue", [Interest(subject, None)])
    environment = os.environ | {"HUIXIN_HOME": str(settings.home), "HUIXIN_WATCH_EVERY": "false", "COLUMNS": "200"}
    command = [sys.executable, "-m", "huixin.cli", "watch", "loop"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        too_long = threading.Timer(WAIT_SECONDS, process.kill)
        too_long.start()
        assert process.stdout is not None
        told = next((line for line in process.stdout if "subjects" in line), "")
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        too_long.cancel()
    assert "1 subjects" in told, told + rest
    assert subject not in told + rest
    assert process.returncode == 0
