"""Hostile requests in short, of which ``huixin bench faults`` sends a hundred thousand; what it looks for, it finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from benchmarks.faults.hostile import fuzzing
from benchmarks.faults.hostile.requests import NUMBERS
from benchmarks.faults.hostile.sockets import slow_and_cut
from records.base import RecordBase
from records.database import ClientRow, writing
from service.app import create_app
from service.security import Clients
from tests.apart import apart
from tests.records.life import arrears, send


@pytest.fixture
def base(base: RecordBase, tmp_path: Path) -> RecordBase:
    send(base, tmp_path / "door", "tax.arrears", arrears("one"))
    return base


def test_hostile_requests_change_nothing_and_are_refused_clearly(base: RecordBase) -> None:
    figures = apart(fuzzing.fuzzed, base, 300, 11)
    assert figures["findings"] == {}
    assert sum(figures["statuses"].values()) == 300
    assert figures["operations"] > 60


def test_a_refusal_says_no_identity_number_again(base: RecordBase) -> None:
    key = {"X-API-Key": Clients(base.engine).add("tax", "agency", "tax")}
    with TestClient(create_app(base.settings)) as http:
        for number in NUMBERS:
            answers = [
                http.get("/v1/batches", params={"item": number}, headers=key),
                http.get("/v1/assessment", params={"standard": number}, headers=key),
                http.post("/v1/scores", json={number: 1}, headers=key),
            ]
            assert all(number not in one.text for one in answers)
    assert fuzzing._kept(base.engine) == []


def test_a_change_and_an_echo_would_be_found(base: RecordBase) -> None:
    Clients(base.engine).add("one", "bank")
    before = fuzzing.digest(base.engine)
    with writing(base.engine) as session:
        session.execute(update(ClientRow).values(name="other"))
    assert fuzzing.digest(base.engine) != before
    number = NUMBERS[0].encode()
    assert fuzzing._wrong(500, b"", b"{}")
    assert fuzzing._wrong(404, b"x: " + number, b"{}") == ["an identity number echoed"]
    assert fuzzing._wrong(200, b"a: b\nX-Injected: yes", b"{}") == ["a header that was injected"]


def test_slow_and_half_sent_bodies_hold_nobody_up(base: RecordBase) -> None:
    figures = slow_and_cut(base, slow=4, cut=8, body_seconds=1.0)
    assert figures["slow_answered"] == {"HTTP/1.1 408 Request Timeout": 4}
    assert figures["others_longest_ms"] < 5_000
    assert figures["alive_after"]
