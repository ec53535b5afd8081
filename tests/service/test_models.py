"""Model versions, their cards and their monitoring, as clients read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from records.base import RecordBase
from records.settings import Settings
from scoring.audit import verify
from scoring.monitored import keep
from service.app import create_app
from service.security import ROLES, Clients


@pytest.fixture(scope="module")
def http(trained_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(trained_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def keys(trained_base: RecordBase) -> dict[str, dict[str, str]]:
    clients = Clients(trained_base.engine)
    return {role: {"X-API-Key": clients.add(f"{role}-{id(clients)}", role)} for role in ROLES}


def test_every_version_has_its_gate_and_its_card(http: TestClient, keys: dict[str, dict[str, str]]) -> None:
    listed = http.get("/v1/models", headers=keys["platform"]).json()
    champions = [one for one in listed if "champion" in one["aliases"]]
    assert {one["name"] for one in champions} >= {"huixin-enterprise", "huixin-farmer", "huixin-farmer-warning"}
    for one in champions:
        address = f"/v1/models/{one['name']}/versions/{one['version']}"
        detail = http.get(address, headers=keys["analyst"])
        assert detail.json() | one == detail.json()
        assert detail.json()["gate"]["passed"] is True
        assert detail.json()["promoted_at"]
        card = http.get(f"{address}/card", headers=keys["platform"])
        facts = card.json()
        assert facts["validated_as_of"] > max(facts["trained_as_ofs"])
        assert facts["features"][0]["words"]["zh"]
        if not one["name"].endswith("warning"):
            assert [section["title"]["en"] for section in facts["sections"]][:2] == [
                "Purpose, and who may use it",
                "Model",
            ]
        for answer, path in ((detail, address), (card, f"{address}/card")):
            again = http.get(path, headers=keys["platform"] | {"If-None-Match": answer.headers["ETag"]})
            assert again.status_code == 304


@pytest.mark.parametrize("part", ["", "/card"])
@pytest.mark.parametrize("named", ["huixin-farmer/versions/99", "nobody/versions/1", "%00/versions/%00"])
def test_models_that_are_not_there(http: TestClient, keys: dict[str, dict[str, str]], named: str, part: str) -> None:
    answer = http.get(f"/v1/models/{named}{part}", headers=keys["analyst"])
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:huixin:problem:unknown-model")


def test_what_monitoring_found_is_read_by_analysts_and_regulators(
    http: TestClient, keys: dict[str, dict[str, str]], trained_base: RecordBase
) -> None:
    address = "/v1/models/huixin-farmer/monitoring"
    assert http.get("/v1/models/huixin-nobody/monitoring", headers=keys["analyst"]).status_code == 404
    for day, level in ((date(2025, 10, 31), "green"), (date(2025, 11, 30), "yellow"), (date(2025, 11, 30), "red")):
        found: Any = SimpleNamespace(model="huixin-farmer", version="1", as_of=day, level=level)
        found.as_dict = lambda level=level: {"level": level}
        keep(trained_base.engine, found, "someone")
    for role in ROLES:
        answer = http.get(address, headers=keys[role])
        assert answer.status_code == (200 if role in ("analyst", "regulator") else 403)
    told = http.get(address, headers=keys["analyst"]).json()
    assert told["result"] == {"level": "red"}
    assert [(one["as_of"], one["level"]) for one in told["history"]] == [("2025-11-30", "red"), ("2025-10-31", "green")]
    assert verify(trained_base.engine).sound
