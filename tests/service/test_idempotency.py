"""A request that is sent again under the same key has one effect and gets the first answer."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Annotated, Any

import pytest
from fastapi import Body, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

import service.idempotency as idempotency
from records.base import RecordBase
from records.database import AuditRow
from records.database_answers import AnswerRow
from records.errors import UnknownSubject
from records.moment import now
from records.words import Text
from service import problems
from service.idempotency import Once

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
NUMBER = "110101199003070011"


class Counter:
    """A route with an effect: it counts."""

    def __init__(self, base: RecordBase) -> None:
        self.count, self.failing, self.seconds = 0, False, 0.0
        app = FastAPI()
        app.state.base = base
        problems.install(app)

        @app.post("/count")
        def count(asked: Annotated[dict[str, Any], Body()], once: Once, client: str) -> Any:
            return once.answer(client, lambda: self._act(asked), status=201)

        self.http = TestClient(app, raise_server_exceptions=False)

    def _act(self, asked: dict[str, Any]) -> dict[str, Any]:
        time.sleep(self.seconds)
        if self.failing:
            raise UnknownSubject(Text("没有", "none"))
        self.count += 1
        return {"count": self.count}

    def post(self, key: str | None = KEY, client: str = "c-1", **body: Any) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post("/count", params={"client": client}, json=body, headers=headers)


@pytest.fixture
def counter(base: RecordBase) -> Counter:
    return Counter(base)


def test_the_same_request_is_done_once_and_answered_twice(counter: Counter, base: RecordBase) -> None:
    first, second = counter.post(subject=NUMBER), counter.post(subject=NUMBER)
    assert (first.status_code, first.json()) == (201, {"count": 1})
    assert (second.status_code, second.content) == (201, first.content)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    with Session(base.engine) as session:
        row = session.query(AnswerRow).one()
        assert KEY not in str(vars(row))
        assert NUMBER not in str(vars(row))
        assert session.query(AuditRow).one().action == "answer.repeat"


def test_other_keys_other_clients_and_no_key_are_other_requests(counter: Counter) -> None:
    asked = [counter.post(), counter.post(key=KEY + "x"), counter.post(client="c-2"), counter.post(None)]
    assert [one.json()["count"] for one in asked] == [1, 2, 3, 4]


def test_a_key_serves_one_request_only(counter: Counter) -> None:
    counter.post(amount=1)
    other = counter.post(amount=2)
    assert (other.status_code, other.json()["type"]) == (422, "urn:huixin:problem:idempotency-key-reused")
    assert counter.count == 1


@pytest.mark.parametrize("key", ["short", "x" * 256, "sixteen and blank", ""])
def test_bad_keys_are_refused_and_nothing_is_done(counter: Counter, key: str) -> None:
    answer = counter.post(key)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:huixin:problem:bad-idempotency-key")
    assert counter.count == 0


def test_concurrent_doubles_have_one_effect(counter: Counter) -> None:
    counter.seconds = 0.2
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: counter.post(), range(8)))
    assert {one.content for one in answers} == {b'{"count":1}'}
    assert counter.count == 1


def test_who_will_not_wait_longer_is_told_to_come_again(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.seconds = 0.5
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0.0)
    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(lambda _: counter.post(), range(2)), key=lambda one: one.status_code)
    assert [one.status_code for one in answers] == [201, 409]
    assert answers[1].headers["Retry-After"] == "1"


def test_what_failed_may_be_tried_again(counter: Counter) -> None:
    counter.failing = True
    assert counter.post().status_code == 404
    counter.failing = False
    assert counter.post().json() == {"count": 1}


def test_an_answer_is_kept_a_day_and_an_attempt_that_died_two_minutes(
    counter: Counter, base: RecordBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.post()
    monkeypatch.setattr(idempotency, "now", lambda: now() + timedelta(hours=23))
    assert counter.post().json() == {"count": 1}
    monkeypatch.setattr(idempotency, "now", lambda: now() + timedelta(hours=25))
    assert counter.post().json() == {"count": 2}
    with Session(base.engine) as session:
        session.query(AnswerRow).update({"status": None})
        session.commit()
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0.0)
    assert counter.post().status_code == 409
    monkeypatch.setattr(idempotency, "now", lambda: now() + timedelta(hours=25, seconds=121))
    assert counter.post().json() == {"count": 3}
