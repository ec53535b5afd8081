"""A subject's file over HTTP: who may open it, what each sees, and that each look is in the trail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from county.numbers import institution_numbers, officer_numbers
from records.base import RecordBase
from records.database import AuditRow
from records.settings import Settings
from service.app import create_app
from service.security import ROLES, Clients
from tests.consents import consent
from tests.records.life import FIRMS, send

PERSON, NAMED = (str(number) for number in officer_numbers(np.arange(2)))
INSTITUTION = str(institution_numbers(np.arange(1))[0])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> RecordBase:
    folder = tmp_path_factory.mktemp("files")
    made, door = RecordBase.open(Settings(home=folder / "home")), folder / "door"
    day = {"occurred_on": "2024-01-31"}
    firm = {"subject_number": FIRMS[0], **day}
    registered = {"name": "合成企业", "industry": "C", "district": "东城区", "status": "active"}
    send(made, door, "market.registration", {"record_id": "r", **firm, **registered, "legal_representative": NAMED})
    filing = {"period": "2024-01-31", "revenue": 1, "tax_due": 1, "tax_paid": 1, "days_late": 0}
    send(made, door, "tax.filing", {"record_id": "f", **firm, **filing})
    office = {"record_id": "l", "subject_number": PERSON, **day, "enterprise": FIRMS[0]}
    send(made, door, "market.legal_representative", office)
    send(
        made,
        door,
        "education.exam_misconduct",
        {"record_id": "x", "subject_number": PERSON, **day, "conduct": "cheating"},
    )
    body = {"name": "合成学校", "field": "education", "funding": "full", "district": "东城区", "status": "active"}
    send(made, door, "staffing.registration", {"record_id": "s", "subject_number": INSTITUTION, **day, **body})
    named = made.identity.subject_id("ric", NAMED)
    for reference in ("SQ-1", "SQ-2", "SQ-3", "SQ-4", "SQ-TRAIL"):
        consent(made, reference, FIRMS[0], PERSON, INSTITUTION, named)
    return made


@pytest.fixture(scope="module")
def client(base: RecordBase) -> Iterator[TestClient]:
    with TestClient(create_app(base.settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def keys(base: RecordBase) -> dict[str, str]:
    clients = Clients(base.engine)
    return {role: clients.add(f"{role}-files", role, "tax" if role == "agency" else None) for role in ROLES}


def ask(client: TestClient, key: str | None, subject_id: str, ending: str = "", **asked: Any) -> httpx.Response:
    headers = {"X-API-Key": key} if key else {}
    asked = {"purpose": "loan_application", **asked}
    return client.get(f"/v1/subjects/{subject_id}/file{ending}", params=asked, headers=headers)


def items(answer: httpx.Response) -> set[str]:
    return {one["item"] for one in answer.json()["items"]}


@pytest.mark.parametrize("role", ROLES)
def test_roles_open_the_files_that_they_may(
    client: TestClient, keys: dict[str, str], base: RecordBase, role: str
) -> None:
    for number, allowed in (
        (FIRMS[0], {"platform", "bank", "regulator", "public"}),
        (PERSON, {"bank", "regulator"}),
        (INSTITUTION, {"platform", "bank", "regulator", "public"}),
    ):
        answer = ask(client, keys[role], base.resolve(number), authorisation="SQ-1")
        assert answer.status_code == (200 if role in allowed else 403), (role, number)


def test_a_persons_file_needs_authorisation_and_a_bodys_without_it_is_public(
    client: TestClient, keys: dict[str, str], base: RecordBase
) -> None:
    person, firm = base.resolve(PERSON), base.resolve(FIRMS[0])
    refused = ask(client, keys["bank"], person)
    assert refused.status_code == 403
    assert "Art. 18" in refused.json()["en"]["detail"]
    assert items(ask(client, keys["bank"], firm)) == {"market.registration"}
    assert items(ask(client, keys["bank"], firm, authorisation="SQ-2")) == {"market.registration", "tax.filing"}
    assert items(ask(client, keys["bank"], person, authorisation="SQ-2")) == {"market.legal_representative"}
    assert items(ask(client, keys["regulator"], person)) == {"market.legal_representative", "education.exam_misconduct"}


def test_one_who_is_only_named_counts_as_a_person(client: TestClient, keys: dict[str, str], base: RecordBase) -> None:
    named = base.identity.subject_id("ric", NAMED)
    assert ask(client, keys["bank"], named).status_code == 403
    assert ask(client, keys["platform"], named, authorisation="SQ-3").status_code == 403
    found = ask(client, keys["bank"], named, authorisation="SQ-3").json()
    assert found["subject"]["kinds"] == []
    assert [one["other"]["name"] for one in found["links"]] == ["合成企业"]


def test_each_look_is_in_the_trail_and_so_is_each_refusal(
    client: TestClient, keys: dict[str, str], base: RecordBase
) -> None:
    firm = base.resolve(FIRMS[0])
    ask(client, keys["bank"], firm, authorisation="SQ-TRAIL", as_of="2099-01-01")
    ask(client, keys["bank"], firm, authorisation="SQ-TRAIL", purpose="review")
    with Session(base.engine) as session:
        last = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc()).limit(2)).all()
    looked, refused = last
    assert (looked.action, looked.subject_id, looked.purpose) == ("file", firm, "review")
    assert orjson.loads(looked.payload)["authorisation"] == "SQ-TRAIL"
    assert (refused.action, orjson.loads(refused.payload)["reason"]) == ("file.refused", "bad-moment")


def test_an_address_never_takes_an_identity_number_nor_a_bad_question(
    client: TestClient, keys: dict[str, str], base: RecordBase
) -> None:
    for asked, status in (
        ({"subject_id": FIRMS[0]}, 422),
        ({"subject_id": "0" * 32, "authorisation": "SQ"}, 404),
        ({"subject_id": base.resolve(FIRMS[0]), "as_of": "yesterday"}, 422),
        ({"subject_id": base.resolve(FIRMS[0]), "limit": 0}, 422),
        ({"subject_id": base.resolve(FIRMS[0]), "purpose": "curiosity"}, 422),
    ):
        answer = ask(client, keys["bank"], **asked)
        assert answer.status_code == status, asked
        assert answer.headers["content-type"] == "application/problem+json"
        assert FIRMS[0] not in answer.text
    assert ask(client, None, base.resolve(FIRMS[0])).status_code == 401


def test_the_page_says_the_same_in_both_languages(client: TestClient, keys: dict[str, str], base: RecordBase) -> None:
    page = ask(client, keys["bank"], base.resolve(FIRMS[0]), ".html", authorisation="SQ-4")
    assert page.headers["content-type"].startswith("text/html")
    assert "信用档案" in page.text
    assert "Credit file" in page.text
    assert "合成企业" in page.text
    one = ask(client, keys["bank"], base.resolve(FIRMS[0]), language="en", authorisation="SQ-4").json()
    assert one["items"][0]["words"] == "Registration"


def test_no_cache_keeps_a_file(client: TestClient, keys: dict[str, str], base: RecordBase) -> None:
    answer = ask(client, keys["bank"], base.resolve(FIRMS[0]), ".html")
    assert answer.headers["cache-control"] == "no-store"
