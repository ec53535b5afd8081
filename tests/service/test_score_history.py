"""Stored scores: lists by page, explanations that add up, advice, grade history; and who may see them."""

from __future__ import annotations

import math
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.online import OnlineFeatures
from records.base import RecordBase
from records.database import AuditRow, ScoreRow
from records.settings import Settings
from service.app import create_app
from service.security import ROLES, Clients
from tests.consents import consent

NUMBERS = ("110101199003070011", "91110105MA0000000X", "nonsense", "%00", "8856FF13F5BBF23995EE8DAEE4057AF2")


@pytest.fixture(scope="module")
def http(trained_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(trained_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def keys(trained_base: RecordBase) -> dict[str, dict[str, str]]:
    clients = Clients(trained_base.engine)
    return {role: {"X-API-Key": clients.add(f"{role}-{id(clients)}", role)} for role in ROLES}


@pytest.fixture(scope="module")
def given(http: TestClient, keys: dict[str, dict[str, str]], trained_base: RecordBase) -> list[dict[str, Any]]:
    """Five ratings of a farmer whom no other test rated, as of five days, the newest first."""
    OnlineFeatures(trained_base, "farmer").refresh()
    with Session(trained_base.engine) as session:
        rated = set(session.scalars(select(ScoreRow.subject_id)))
    subject = next(one for one in trained_base.subjects("farmer")["subject_id"].to_pylist()[::-1] if one not in rated)
    consent(trained_base, "SQ-1", subject)
    asked = {"subject": subject, "purpose": "review", "authorisation": "SQ-1"}
    days = ("2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31", None)
    made = [http.post("/v1/scores", json=asked | {"as_of": day}, headers=keys["bank"]).json() for day in days]
    return made[::-1]


def pages(http: TestClient, key: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        asked = {**query, **({"cursor": cursor} if cursor else {})}
        page = http.get("/v1/scores", params=asked, headers=key).json()
        found += page["scores"]
        cursor = page["next"]
        if cursor is None:
            return found


def test_scores_are_listed_page_by_page(
    http: TestClient, keys: dict[str, dict[str, str]], given: list[dict[str, Any]]
) -> None:
    subject = given[0]["subject_id"]
    ids = [one["score_id"] for one in given]
    for limit in (1, 2, 5, 200):
        found = pages(http, keys["regulator"], subject=subject, limit=limit)
        assert [one["score_id"] for one in found] == ids
    assert (found[0]["grade"], found[0]["score"]) == (given[0]["grade"], given[0]["score"])
    second = given[1]["scored_at"]
    since = pages(http, keys["regulator"], subject=subject, **{"from": second})
    until = pages(http, keys["regulator"], subject=subject, to=second)
    assert ([one["score_id"] for one in since], [one["score_id"] for one in until]) == (ids[:2], ids[1:])
    assert pages(http, keys["regulator"], subject=subject, to="2020-01-01", limit=1) == []
    assert len(pages(http, keys["regulator"], subject=subject, **{"from": "2020-01-01"}, to="2999-01-01")) == 5


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"cursor": "nonsense"}, "bad-cursor"),
        ({"cursor": urlsafe_b64encode(b"2025-01-01|\x00").decode()}, "bad-cursor"),
        ({"from": "soon"}, "bad-moment"),
        ({"from": "0001-01-01"}, "bad-moment"),
        ({"limit": 0}, "bad-request"),
        ({"limit": 201}, "bad-request"),
        *(({"subject": number}, "not-a-subject-id") for number in NUMBERS),
        ({"subject": "0" * 32}, "unknown-subject"),
    ],
)
def test_bad_lists_are_refused_with_the_reason(
    http: TestClient, keys: dict[str, dict[str, str]], given: list[dict[str, Any]], query: dict[str, Any], code: str
) -> None:
    answer = http.get("/v1/scores", params={"subject": given[0]["subject_id"], **query}, headers=keys["regulator"])
    assert answer.json()["type"] == f"urn:huixin:problem:{code}"
    assert answer.status_code == (404 if code == "unknown-subject" else 422)
    assert code != "not-a-subject-id" or query["subject"] not in answer.text


@pytest.mark.parametrize("number", NUMBERS)
def test_an_identity_number_in_an_address_is_refused(
    http: TestClient, keys: dict[str, dict[str, str]], number: str
) -> None:
    answer = http.get(f"/v1/subjects/{number}/grades", headers=keys["regulator"])
    assert answer.json()["type"] == "urn:huixin:problem:not-a-subject-id"
    assert "POST /v1/scores" in answer.json()["en"]["detail"]


def test_an_explanation_has_every_point_by_source(
    http: TestClient, keys: dict[str, dict[str, str]], given: list[dict[str, Any]]
) -> None:
    score = given[0]
    found = http.get(f"/v1/scores/{score['score_id']}/explanation", headers=keys["regulator"]).json()
    told = [one for source in found["sources"] for one in source["reasons"]]
    whole = found["base_points"] + sum(source["points"] for source in found["sources"]) + found["clip_points"]
    assert whole == pytest.approx(score["score"], abs=1e-6)
    assert math.fsum(one["points"] for one in told) == pytest.approx(sum(s["points"] for s in found["sources"]))
    points = {one["feature"]: one["points"] for one in told}
    assert {one["feature"]: one["points"] for one in score["reasons"]}.items() <= points.items()
    assert any(one["evidence"] for one in told)
    assert {"bank"} < {source["source"] for source in found["sources"]}
    assert "on record" in found["confidence_why"][0]["en"]
    assert found["confidence"] == score["confidence"]


def test_advice_is_given_in_points_and_words(
    http: TestClient, keys: dict[str, dict[str, str]], given: list[dict[str, Any]]
) -> None:
    found = http.get(f"/v1/scores/{given[0]['score_id']}/counterfactuals", headers=keys["regulator"]).json()
    assert (found["score"], found["grade"], found["pd"]) == (given[0]["score"], given[0]["grade"], given[0]["pd"])
    assert found["alone"]
    for path in found["paths"] + found["alone"]:
        assert path["score"] == pytest.approx(found["score"] + path["gain"])
        assert path["gain"] >= 0
        assert path["words"]["zh"]
        assert all(one["words"]["zh"] and 0 < one["peers"] <= 1 for one in path["changes"])


def test_grades_come_with_the_models_behind_them(
    http: TestClient, keys: dict[str, dict[str, str]], given: list[dict[str, Any]]
) -> None:
    found = http.get(f"/v1/subjects/{given[0]['subject_id']}/grades", headers=keys["regulator"]).json()
    assert sum(one["ratings"] for one in found["periods"]) == len(given)
    assert found["periods"][0]["grade"] == given[0]["grade"]
    untils = [one["until"] for one in found["periods"]]
    assert untils == sorted(untils, reverse=True)
    behind = {(one["model_name"], one["model_version"]) for one in found["periods"]}
    assert {(one["model_name"], one["model_version"]) for one in found["models"]} == behind
    assert found["models"][0]["family"] in ("boosted", "scorecard")


@pytest.mark.parametrize("part", ["explanation", "counterfactuals"])
def test_who_has_an_answer_is_told_that_it_is_the_same(
    http: TestClient, keys: dict[str, dict[str, str]], given: list[dict[str, Any]], trained_base: RecordBase, part: str
) -> None:
    address, key = f"/v1/scores/{given[1]['score_id']}/{part}", keys["regulator"]
    first = http.get(address, headers=key)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = http.get(address, headers=key | {"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert http.get(address, headers=key | {"If-None-Match": '"other"'}).content == first.content
    with Session(trained_base.engine) as session:
        looks = select(AuditRow).where(AuditRow.action == "read", AuditRow.payload.contains(given[1]["score_id"]))
        assert sum(part in one.payload for one in session.scalars(looks)) == 6


def test_only_who_may_look_sees_anything(
    http: TestClient, keys: dict[str, dict[str, str]], given: list[dict[str, Any]]
) -> None:
    score, subject = given[0]["score_id"], given[0]["subject_id"]
    for path in (
        f"/v1/scores?subject={subject}",
        f"/v1/subjects/{subject}/grades",
        f"/v1/scores/{score}/explanation",
        f"/v1/scores/{score}/counterfactuals",
    ):
        with_leave = f"{path}{'&' if '?' in path else '?'}authorisation=SQ-1"
        status = {role: http.get(with_leave, headers=keys[role]).status_code for role in ROLES}
        assert status == {role: 200 if role in ("bank", "regulator") else 403 for role in ROLES}, path
        assert "Art. 18" in http.get(path, headers=keys["bank"]).json()["en"]["detail"]
        assert http.get(path).status_code == 401
    assert http.get("/v1/scores/s-nothing/explanation", headers=keys["bank"]).status_code == 404
    assert http.get("/v1/scores/%00/counterfactuals", headers=keys["bank"]).status_code == 404
