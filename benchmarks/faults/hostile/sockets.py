"""Slow and half-sent requests over real sockets: they cost a connection, and hold nobody else up."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

from huixin.serving import free_port
from records.base import RecordBase
from service.security import Clients

SLOW, CUT, START_SECONDS, DRIP_SECONDS = 40, 40, 120, 0.5
HEAD = "POST /v1/scores HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"


def slow_and_cut(base: RecordBase, slow: int = SLOW, cut: int = CUT, body_seconds: float = 5.0) -> dict[str, Any]:
    """Figures of ``slow`` connections that drip a body byte by byte, and ``cut`` that hang up somewhere.

    ``others_longest_ms``: how long others waited for an answer meanwhile; ``slow_ended_s``: when the last of
    the slow was sent away.
    """
    port, settings = free_port(), base.settings
    head = HEAD.format(key=Clients(base.engine).add(f"slow-{port}", "bank")).encode()
    code = (
        "import uvicorn, service.guard as guard;"
        f"guard.BODY_SECONDS = {body_seconds};"
        f"uvicorn.run('service.app:create_app', factory=True, port={port}, log_level='error', access_log=False)"
    )
    environment = os.environ | {"HUIXIN_HOME": str(settings.home)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        _wait(port)
        with ThreadPoolExecutor(slow + 1) as pool:
            started = time.monotonic()
            dripping = [pool.submit(_drip, port, head, body_seconds) for _ in range(slow)]
            for number in range(cut):
                _cut(port, head, number)
            longest = 0.0
            while not all(one.done() for one in dripping):
                longest = max(longest, _asked(port))
                time.sleep(0.05)
            answers = [one.result() for one in dripping]
            took = time.monotonic() - started
        return {
            "slow": slow,
            "cut": cut,
            "slow_answered": {name: answers.count(name) for name in sorted(set(answers))},
            "slow_ended_s": round(took, 1),
            "others_longest_ms": round(longest * 1000, 1),
            "alive_after": _asked(port) < START_SECONDS,
        }
    finally:
        process.terminate()
        process.wait(60)


def _drip(port: int, head: bytes, body_seconds: float) -> str:
    """Send a body byte by byte; returns the status line it got, or that it was cut off."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection, suppress(OSError):
        connection.sendall(head + b"Content-Length: 60000\r\n\r\n{")
        connection.settimeout(DRIP_SECONDS)
        until = time.monotonic() + 4 * body_seconds + 20
        while time.monotonic() < until:
            with suppress(TimeoutError):
                told = connection.recv(4096)
                return told.split(b"\r\n")[0].decode() or "closed"
            connection.sendall(b" ")
        return "held"
    return "closed"


def _cut(port: int, head: bytes, number: int) -> None:
    """Hang up in the line, in the headers, or in the body."""
    whole = head + b'Content-Length: 90\r\n\r\n{"subject": "x", "purp'
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
        connection.sendall(whole[: 1 + (len(whole) - 1) * number // CUT])


def _asked(port: int) -> float:
    started = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=START_SECONDS) as answer:
        answer.read()
    return time.monotonic() - started


def _wait(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            _asked(port)
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
