"""Objections and repairs over REST: who may bring, answer and approve, and what each does to the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from features.pipeline import FeaturePipeline
from records.base import RecordBase
from records.database import writing
from records.database_desk import ObjectionRow
from records.moment import now
from scoring.audit import verify
from service.app import create_app
from service.security import Clients
from tests.records.life import FIRMS, arrears, ids, send

Ask = Callable[..., httpx.Response]
WHY = {"reason": "核实 checked"}


@pytest.fixture
def ask(base: RecordBase, tmp_path: Path) -> Iterator[Ask]:
    """Asks in a role by name; the base has arrears of two firms, 'old' ended long ago, 'lasting' goes on."""
    rows = [arrears("old", cleared_on="2024-05-01"), arrears("lasting"), arrears("other", firm=1)]
    send(base, tmp_path / "door", "tax.arrears", *rows)
    clients = Clients(base.engine)
    keys = {name: clients.add(name, role, source) for name, role, source in (
        ("bank", "bank", None),
        ("other bank", "bank", None),
        ("tax", "agency", "tax"),
        ("court", "agency", "court"),
        ("regulator", "regulator", None),
        ("second regulator", "regulator", None),
        ("analyst", "analyst", None),
    )}  # fmt: skip
    with TestClient(create_app(base.settings), raise_server_exceptions=False) as http:

        def asked(who: str, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
            headers = {"X-API-Key": keys[who], "Accept-Language": "en"}
            return http.request(method, f"/v1/{path}", json=body, params=query, headers=headers)

        yield asked
    assert verify(base.engine).sound


def objection(record_id: str = "lasting", **changed: Any) -> dict[str, Any]:
    body = {
        "subject": FIRMS[0],
        "item": "tax.arrears",
        "record_id": record_id,
        "reason": "已缴清",
        "authorisation": "W-1",
    }
    return {**body, **changed}


def repair(*record_ids: str, **changed: Any) -> dict[str, Any]:
    body = {"subject": FIRMS[0], "item": "tax.arrears", "record_ids": list(record_ids or ["old"]), "reason": "已缴清"}
    return {**body, "authorisation": "W-1", **changed}


def test_an_objection_marks_at_once_and_upheld_takes_the_record_out_from_then_on(ask: Ask, base: RecordBase) -> None:
    subject, before = base.resolve(FIRMS[0]), now()

    def features(moment: Any) -> dict[str, float]:
        return FeaturePipeline(base.connection(), "enterprise").one(subject, moment)

    known = features(before)
    made = ask("bank", "POST", "objections", objection())
    assert made.status_code == 201, made.text
    assert FIRMS[0] not in made.text
    file = ask("regulator", "GET", f"subjects/{subject}/file", purpose="review").json()
    assert [one["record_id"] for one in file["disputes"]] == ["lasting"]
    path = f"objections/{made.json()['objection_id']}/answer"
    answered = ask("tax", "POST", path, {"outcome": "upheld", "remedy": "withdrawal", "reason": "误报"})
    assert (answered.json()["state"], answered.json()["answer"]) == ("upheld", "误报")
    assert "lasting" not in ids(base)
    assert repr(features(now())) != repr(known) == repr(features(before))
    assert ask("tax", "POST", path, {"outcome": "rejected", "reason": "again"}).status_code == 409


def test_rejected_the_record_stands_without_its_mark(ask: Ask, base: RecordBase) -> None:
    made = ask("bank", "POST", "objections", objection()).json()
    ask("tax", "POST", f"objections/{made['objection_id']}/answer", {"outcome": "rejected", "reason": "属实"})
    file = ask("regulator", "GET", f"subjects/{made['subject_id']}/file", purpose="review").json()
    assert file["disputes"] == []
    assert "lasting" in ids(base)


def test_a_correction_must_have_been_sent(ask: Ask, base: RecordBase, tmp_path: Path) -> None:
    made = ask("bank", "POST", "objections", objection()).json()
    path = f"objections/{made['objection_id']}/answer"
    said = {"outcome": "upheld", "remedy": "correction", "reason": "金额有误", "corrected_by": "right"}
    assert ask("tax", "POST", path, said).status_code == 422
    send(base, tmp_path / "door", "tax.arrears", arrears("right", amount="1", supersedes="lasting"))
    assert ask("tax", "POST", path, said).json()["corrected_by"] == "right"
    assert {"right", "old"} <= set(ids(base))
    assert "lasting" not in ids(base)


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("bank", objection(authorisation=None), 403),
        ("analyst", objection(), 403),
        ("regulator", objection(), 403),
        ("bank", objection("nowhere"), 404),
        ("bank", objection("other"), 422),
        ("bank", objection(item="tax.nothing"), 404),
        ("bank", objection(reason=" "), 422),
        ("bank", objection(reason="a\x00b"), 422),
    ],
)
def test_what_may_not_be_objected_changes_nothing(
    ask: Ask, base: RecordBase, who: str, body: dict[str, Any], status: int
) -> None:
    state = base.state()
    answer = ask(who, "POST", "objections", body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert base.state() == state


def test_each_sees_its_own_objections_and_the_regulator_the_overdue_ones(ask: Ask, base: RecordBase) -> None:
    first = ask("bank", "POST", "objections", objection()).json()["objection_id"]
    second = ask("other bank", "POST", "objections", objection("old")).json()["objection_id"]
    with writing(base.engine) as session:
        late = update(ObjectionRow).where(ObjectionRow.objection_id == first).values(due_on=date(2020, 1, 1))
        session.execute(late)

    def listed(who: str, **query: Any) -> list[str]:
        return [one["objection_id"] for one in ask(who, "GET", "objections", **query).json()["objections"]]

    assert (listed("bank"), listed("other bank"), listed("court")) == ([first], [second], [])
    assert listed("tax") == listed("regulator") == [second, first]
    assert listed("regulator", state="overdue") == [first]
    assert ask("other bank", "GET", f"objections/{first}").status_code == 404
    assert ask("court", "POST", f"objections/{first}/answer", {"outcome": "rejected", **WHY}).status_code == 404
    assert ask("bank", "POST", f"objections/{first}/answer", {"outcome": "rejected", **WHY}).status_code == 403
    page = ask("regulator", "GET", "objections", limit=1).json()
    following = ask("regulator", "GET", "objections", limit=1, cursor=page["next"]).json()
    assert (following["objections"][0]["objection_id"], following["next"]) == (first, None)
    assert ask("regulator", "GET", "objections", cursor="made up").status_code == 422


def test_a_repair_is_asked_proposed_and_approved_by_different_hands(ask: Ask, base: RecordBase) -> None:
    before = now()
    case = ask("bank", "POST", "repairs", repair()).json()
    path = f"repairs/{case['case_id']}"
    assert ask("regulator", "POST", f"{path}/approval", WHY).status_code == 409
    assert ask("court", "POST", f"{path}/proposal").status_code == 404
    assert ask("tax", "POST", f"{path}/proposal").json()["state"] == "proposed"
    assert ask("tax", "POST", f"{path}/approval", WHY).status_code == 403
    assert "old" in ids(base)
    assert ask("regulator", "POST", f"{path}/approval", WHY).json()["state"] == "done"
    assert "old" not in ids(base)
    assert "old" in ids(base, as_of=before)
    assert ask("regulator", "POST", f"{path}/approval", WHY).status_code == 409


def test_what_cannot_be_repaired_is_refused_when_it_is_asked(ask: Ask) -> None:
    answer = ask("tax", "POST", "repairs", repair("lasting"))
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:huixin:problem:bad-lifecycle")
    assert ask("regulator", "GET", "repairs").json()["cases"] == []


def test_a_refused_repair_leaves_the_record(ask: Ask, base: RecordBase) -> None:
    case = ask("tax", "POST", "repairs", repair(authorisation=None)).json()
    assert case["state"] == "proposed"
    assert ask("regulator", "POST", f"repairs/{case['case_id']}/refusal", WHY).json()["state"] == "refused"
    assert ask("regulator", "POST", f"repairs/{case['case_id']}/approval", WHY).status_code == 409
    assert "old" in ids(base)


def test_an_erasure_needs_two_regulators(ask: Ask, base: RecordBase) -> None:
    order = repair(legal_basis="个人信息保护法第四十七条", document="（2026）民终1号")
    order.pop("authorisation")
    assert ask("tax", "POST", "erasures", order).status_code == 403
    case = ask("regulator", "POST", "erasures", order).json()
    path = f"erasures/{case['case_id']}/approval"
    same = ask("regulator", "POST", path, WHY)
    assert (same.status_code, same.json()["type"]) == (403, "urn:huixin:problem:same-hand")
    assert "old" in ids(base)
    assert ask("second regulator", "POST", path, WHY).json()["state"] == "done"
    assert "old" not in ids(base)


def test_a_case_that_is_sent_again_under_its_key_is_brought_once(base: RecordBase, tmp_path: Path) -> None:
    send(base, tmp_path / "door", "tax.arrears", arrears("old", cleared_on="2024-05-01"), arrears("lasting"))
    keys = {role: Clients(base.engine).add(role, role) for role in ("bank", "regulator")}
    erasure = {name: value for name, value in repair().items() if name != "authorisation"} | {
        "document": "(2025)1",
        "legal_basis": "法院裁定",
    }
    with TestClient(create_app(base.settings)) as http:
        for role, path, body in (
            ("bank", "objections", objection()),
            ("bank", "repairs", repair()),
            ("regulator", "erasures", erasure),
        ):
            headers = {"X-API-Key": keys[role], "Idempotency-Key": f"8e03978e-40d5-43dd-{path}"}
            first, again = (http.post(f"/v1/{path}", json=body, headers=headers) for _ in range(2))
            assert (first.status_code, again.content) == (201, first.content), first.text
            plain = http.post(f"/v1/{path}", json=body, headers={"X-API-Key": keys[role]})
            assert plain.status_code in (201, 409)
            if plain.status_code == 201:
                assert plain.json().keys() == first.json().keys()
            other = http.post(f"/v1/{path}", json=body | {"reason": "别的"}, headers=headers)
            assert other.json()["type"] == "urn:huixin:problem:idempotency-key-reused"
