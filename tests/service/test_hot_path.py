"""Known clients take a short way to a score: it answers, refuses and keeps what the long way does."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import orjson
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.online import OnlineFeatures
from records.base import RecordBase
from records.database import AuditRow, ScoreRow
from records.erasure import erase_subject
from records.lifecycle import Order
from records.settings import Settings
from scoring.rating import Rater
from scoring.sealing import sealed_row
from service.app import create_app
from service.security import Clients
from tests.copying import copied

ORDER = Order("市信用中心 credit centre", "复核 review", "个人信息保护法第四十七条", "信删〔2026〕1号")


@pytest.fixture(scope="module")
def base(trained_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> RecordBase:
    """A copy, since a subject is erased."""
    return RecordBase.open(copied(trained_settings, tmp_path_factory.mktemp("hot") / "home"))


@pytest.fixture(scope="module")
def client(base: RecordBase) -> Iterator[TestClient]:
    OnlineFeatures(base, "enterprise").refresh()
    with TestClient(create_app(base.settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def keys(base: RecordBase) -> dict[str, str]:
    return {role: Clients(base.engine).add(f"{role}-hot", role) for role in ("bank", "regulator")}


@pytest.fixture(scope="module")
def subject(base: RecordBase) -> str:
    return str(base.subjects("enterprise")["subject_id"][0])


def test_both_ways_say_the_same(client: TestClient, keys: dict[str, str], subject: str) -> None:
    asked = {"subject": subject, "purpose": "review", "reasons": 3}
    bad = {"subject": subject, "purpose": "curiosity", "more": 1}
    known, given = {"X-API-Key": keys["bank"]}, []
    for body in (asked, bad):
        client.post("/v1/scores", json=asked, headers=known)
        short = client.post("/v1/scores", json=body, headers=known)
        long = client.post("/v1/scores", json=body, headers=known | {"Idempotency-Key": str(uuid4())})
        assert set(short.headers) == set(long.headers)
        changing = ("score_id", "as_of", "scored_at", "request_id")
        told = [{name: value for name, value in one.json().items() if name not in changing} for one in (short, long)]
        assert told[0] == told[1]
        given.append(short.status_code)
    assert given == [200, 422]


def test_a_stored_score_has_an_etag(client: TestClient, keys: dict[str, str], subject: str) -> None:
    known = {"X-API-Key": keys["bank"]}
    given = client.post("/v1/scores", json={"subject": subject, "purpose": "review"}, headers=known).json()
    path = f"/v1/scores/{given['score_id']}"
    found = client.get(path, headers=known)
    again = client.get(path, headers=known | {"If-None-Match": found.headers["etag"]})
    assert (found.json(), again.status_code, again.content) == (given, 304, b"")


def test_rows_of_old_are_read_as_before(client: TestClient, base: RecordBase, keys: dict[str, str]) -> None:
    firm = str(base.subjects("enterprise")["subject_id"][2])
    given = client.post(
        "/v1/scores", json={"subject": firm, "purpose": "review"}, headers={"X-API-Key": keys["bank"]}
    ).json()
    with Session(base.engine) as session, session.begin():
        row = session.get_one(ScoreRow, given["score_id"])
        seal = sealed_row(row)
        row.payload, row.answer = orjson.dumps(given).decode(), None
        entry = session.scalars(select(AuditRow).where(AuditRow.payload.contains(seal))).one()
        entry.payload = entry.payload.replace(seal, sealed_row(row))
    rater = Rater(base)
    assert rater.stored(given["score_id"]) == given
    assert rater.replay(given["score_id"]).equal


def test_after_a_lawful_erasure_the_model_step_replays(
    client: TestClient, base: RecordBase, keys: dict[str, str]
) -> None:
    firm = str(base.subjects("enterprise")["subject_id"][1])
    given = client.post(
        "/v1/scores", json={"subject": firm, "purpose": "review"}, headers={"X-API-Key": keys["bank"]}
    ).json()
    gone = erase_subject(base, firm, ORDER)
    replay = client.post(f"/v1/scores/{given['score_id']}/replay", headers={"X-API-Key": keys["regulator"]}).json()
    assert replay["equal"], replay["detail"]
    assert replay["score"] == given["score"]
    assert set(replay["unreadable"]) == {f"{item}/{one}" for item, ids in gone.records.items() for one in ids}
    assert str(gone.count) in replay["detail"]["en"]


def test_a_registry_that_is_away_from_the_start_is_told(
    base: RecordBase, keys: dict[str, str], subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    settings = base.settings.model_copy(update={"mlflow_uri": "http://127.0.0.1:9"})
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        asked = {"subject": subject, "purpose": "review"}
        answer = client.post("/v1/scores", json=asked, headers={"X-API-Key": keys["bank"]})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:huixin:problem:registry-unreachable")
