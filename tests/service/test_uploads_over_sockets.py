"""Pushing to a real server: connections that drop, bodies that dawdle, a server that is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from huixin.serving import running
from records.base import RecordBase
from records.settings import Settings
from service.security import Clients
from tests.sending import usage
from tests.service.conftest import Agency


@contextmanager
def served(base: RecordBase, key: str) -> Iterator[Agency]:
    with running(base.settings) as address, httpx.Client(base_url=address, timeout=60) as http:
        yield Agency(http, key)


@pytest.fixture
def key(exchange_base: RecordBase) -> str:
    return Clients(exchange_base.engine).add("power", "agency", "power")


def begin(power: Agency, upload_id: str, offset: int, promised: int, sent: bytes) -> socket.socket:
    """A connection on which a chunk of ``promised`` bytes begins, but only ``sent`` has come so far."""
    url = power.http.base_url
    connection = socket.create_connection((url.host, url.port), timeout=60)
    head = (
        f"PATCH /v1/uploads/{upload_id} HTTP/1.1\r\nHost: {url.host}\r\nX-API-Key: {power.key}\r\n"
        "Content-Type: application/offset+octet-stream\r\n"
        f"Upload-Offset: {offset}\r\nContent-Length: {promised}\r\n\r\n"
    )
    connection.sendall(head.encode() + sent)
    return connection


def kill(power: Agency) -> None:
    """Kill the server that ``running`` started for us."""
    port = str(power.http.base_url.port)
    for child in psutil.Process().children():
        if port in child.cmdline():
            child.send_signal(signal.SIGKILL)
            child.wait(10)


def test_broken_connections_and_killed_servers_lose_nothing(
    exchange_base: RecordBase, exchange_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUIXIN_EXCHANGE_BODY_SECONDS", "5")
    monkeypatch.setenv("HUIXIN_EXCHANGE_LEASE_SECONDS", "3")
    key = Clients(exchange_base.engine).add("power", "agency", "power")
    first, second = usage("a", 3_000), usage("b", 3_000)
    with served(exchange_base, key) as power:
        one, two = (power.declare(content, name).json()["upload_id"] for content, name in ((first, "1"), (second, "2")))
        _drop_connections(power, one, first)
        power.send(two, 0, second[:50_000])
        begin(power, two, 50_000, 60_000, second[50_000:80_000])
        kill(power)
    with served(exchange_base, key) as power:
        assert power.receipt(one).json()["receipt"]["rows_accepted"] == 3_000
        offset = power.get(f"/v1/uploads/{two}").json()["offset"]
        assert offset == 50_000
        assert power.send(two, offset, second[offset:]).status_code == 202
        kill(power)
    with served(exchange_base, key) as power:
        assert power.receipt(two).json()["receipt"]["rows_accepted"] == 3_000
        again = power.declare(second, "2").json()
        assert (again["upload_id"], again["state"]) == (two, "accepted")
        assert len(exchange_base.batches()) == 2
        _push_by_the_examples(power, exchange_settings.home.parent)
        assert len(exchange_base.batches()) == 4
    home, until = exchange_settings.home, time.monotonic() + 10
    while (left := [*home.glob("spool/*.spool"), *home.glob("spool/clear/*")]) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []


def _drop_connections(power: Agency, upload_id: str, content: bytes) -> None:
    """Chunks that break off or dawdle leave an offset that is true; another connection goes on meanwhile."""
    power.send(upload_id, 0, content[:50_000])
    for part in (0, 1, 30_000):
        begin(power, upload_id, 50_000, 60_000, content[50_000 : 50_000 + part]).close()
        assert power.get(f"/v1/uploads/{upload_id}").json()["offset"] == 50_000
    with begin(power, upload_id, 50_000, 60_000, content[50_000:80_000]) as dawdling:
        assert power.send(upload_id, 50_000, content[50_000:60_000]).status_code == 204
        assert dawdling.recv(100).startswith(b"HTTP/1.1 408")
    assert power.send(upload_id, 60_000, content[60_000:]).status_code == 202


def _push_by_the_examples(power: Agency, folder: Path) -> None:
    """The programs that the documents give to agencies do what they say, run once or again."""
    environment = os.environ | {"HUIXIN_KEY": power.key}
    for number, command in enumerate((["python3", "docs/examples/push.py"], ["bash", "docs/examples/push.sh"])):
        file = folder / f"example{number}.csv"
        file.write_bytes(usage(f"e{number}", 50, bad=(3,)))
        arguments = [str(power.http.base_url), power.item, f"example-{number}", str(file)]
        for _ in range(2):
            done = subprocess.run([*command, *arguments], env=environment, capture_output=True, timeout=120)
            assert done.returncode in (0, 1), done.stderr
            assert b"49" in done.stdout
    assert len(list(folder.glob("example*.receipt.json"))) == 2
    assert (folder / "example0.rejects.csv").read_text(encoding="utf-8-sig").count("\n") >= 2
