"""The assessment over HTTP: a regulator sees all, an agency its own, nobody else anything; the catalogue's page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import AuditRow
from records.settings import Settings
from service.app import create_app
from service.security import Clients
from tests.records.assessment.sample import FIRMS, declare, month_row, sender


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("assessed")
    return Settings(home=folder / "home", catalogue_folder=declare(folder / "catalogue"))


@pytest.fixture(scope="module")
def base(settings: Settings) -> RecordBase:
    base = RecordBase.open(settings)
    send = sender(base, Path(settings.home) / "door")
    send("alpha.month", *(month_row(n, "2025-03-31", "2025-04-02") for n in range(3)), history=True)
    day = {"occurred_on": "2025-03-05", "recorded_at": "2025-03-06T04:00:00"}
    send("alpha.body", {"record_id": "b", "name": "甲厂", "status": "open"} | day, history=True)
    send("beta.account", {"record_id": "a", "name": "甲"} | day, history=True)
    return base


@pytest.fixture(scope="module")
def client(settings: Settings, base: RecordBase) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def keys(base: RecordBase) -> dict[str, dict[str, str]]:
    clients = Clients(base.engine)
    made = {role: clients.add(role, role) for role in ("regulator", "platform", "bank", "analyst")}
    made |= {source: clients.add(source, "agency", source=source) for source in ("alpha", "beta")}
    made["nobody's agency"] = clients.add("nobody's agency", "agency")
    return {name: {"X-API-Key": key} for name, key in made.items()}


def test_a_regulator_sees_every_source(client: TestClient, keys: dict[str, dict[str, str]]) -> None:
    answer = client.get("/v1/assessment?month=2025-03&as_of=2025-06-30", headers=keys["regulator"])
    assert answer.status_code == 200
    found = answer.json()
    assert {one["source"] for one in found["ranking"]} == {"alpha", "beta"}
    assert {one["source"] for one in found["alerts"]} == {"alpha", "beta"}
    assert [claim["value"] for claim in found["contradictions"][0]["claims"]] == ["甲厂", "甲"]
    assert not any(number in answer.text for number in FIRMS)
    one = client.get("/v1/assessment?month=2025-03&source=beta", headers=keys["regulator"]).json()
    assert {row["source"] for row in one["items"]} == {"beta"}


def test_an_agency_sees_its_own_only(client: TestClient, keys: dict[str, dict[str, str]]) -> None:
    found = client.get("/v1/assessment?month=2025-03&as_of=2025-06-30", headers=keys["beta"]).json()
    seen = [one["source"] for part in ("ranking", "trend", "items", "alerts") for one in found[part]]
    assert set(seen) == {"beta"}
    assert set(found["unreported"]) <= {"beta"}
    asked = client.get("/v1/assessment?source=alpha", headers=keys["beta"])
    assert asked.status_code == 403
    page = client.get("/v1/assessment/page?month=2025-03", headers=keys["beta"])
    assert page.status_code == 200
    assert "alpha.month" not in page.text


@pytest.mark.parametrize("who", ["platform", "bank", "analyst", "nobody's agency"])
def test_nobody_else_sees_any(client: TestClient, keys: dict[str, dict[str, str]], base: RecordBase, who: str) -> None:
    for path in ("/v1/assessment", "/v1/assessment/page"):
        answer = client.get(path, headers=keys[who])
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:huixin:problem:not-allowed"
    with Session(base.engine) as session:
        assert session.query(AuditRow).filter(AuditRow.action == "assessment.refused").count() >= 2
    assert client.get("/v1/assessment").status_code == 401


@pytest.mark.parametrize("query", ["month=2025-13", "month=2999-01", "months=0", "months=121", "as_of=someday"])
def test_a_wrong_question_is_told_so(client: TestClient, keys: dict[str, dict[str, str]], query: str) -> None:
    answer = client.get(f"/v1/assessment?{query}", headers=keys["regulator"])
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_an_unknown_source_is_answered_with_the_known_ones(client: TestClient, keys: dict[str, dict[str, str]]) -> None:
    answer = client.get("/v1/assessment/page?source=nobody", headers=keys["regulator"])
    assert answer.status_code == 404
    assert "alpha" in answer.json()["detail"]


def test_what_was_sent_meanwhile_is_assessed(
    client: TestClient, keys: dict[str, dict[str, str]], base: RecordBase
) -> None:
    def reported() -> int:
        found = client.get("/v1/assessment?month=2025-03&months=1", headers=keys["alpha"]).json()
        return next(row["reported"] for row in found["items"] if row["item"] == "alpha.month")

    before = reported()
    send = sender(base, Path(base.settings.home) / "later")
    send("alpha.month", month_row(9, "2025-03-31", "2025-04-03"), history=True)
    assert reported() == before + 1


def test_the_catalogue_is_a_public_page_with_the_installations_own_items(client: TestClient) -> None:
    answer = client.get("/catalogue")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "alpha.month" in answer.text
    assert "market.registration" in answer.text
    assert {one["code"] for one in client.get("/v1/catalogue").json()} >= {"alpha", "market"}
