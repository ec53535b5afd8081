"""Watch lists and early warnings: who sees what, who is told of what, and that a warning is raised once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import orjson
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import AuditRow, writing
from records.database_watch import EventRow, SubjectAlertsRow
from records.errors import BadMoment
from records.moment import add_months, end_of_day, month_end
from records.settings import Settings
from scoring.alerts import alert_history
from scoring.audit import verify
from scoring.rating import Rater
from scoring.signals import SEVERITIES
from scoring.watching import Observed, observe, read_kept
from service.app import create_app
from service.security import Clients
from service.watch.evaluation import evaluate
from tests.consents import consent

ENTERPRISES, FARMERS = 20, 8


class Asking:
    """A client of the service."""

    def __init__(self, http: TestClient, base: RecordBase, role: str, name: str) -> None:
        self.http, self.base = http, base
        self.headers = {
            "X-API-Key": Clients(base.engine).add(f"{name}-{secrets.token_hex(4)}", role),
            "Accept-Language": "en",
        }

    def __call__(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.http.request(method, f"/v1/{path}", headers=self.headers, **more)

    def watch(self, name: str, threshold: str, subjects: list[str], authorisation: str | None = None) -> str:
        if authorisation is not None:
            consent(self.base, authorisation, *subjects)
        listed = [{"subject": one, "authorisation": authorisation} for one in subjects]
        asked = {"name": name, "threshold": threshold, "subjects": listed}
        answer = self("POST", "watch-lists", json=asked)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["watch_list_id"])


@pytest.fixture(scope="module")
def http(trained_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(trained_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def rater(http: TestClient) -> Rater:
    found: Rater = http.app.state.rater  # type: ignore[attr-defined]
    return found


@pytest.fixture(scope="module")
def ids(trained_base: RecordBase) -> dict[str, list[str]]:
    most = {"enterprise": ENTERPRISES, "farmer": FARMERS}
    return {kind: trained_base.subjects(kind)["subject_id"].to_pylist()[:count] for kind, count in most.items()}


@pytest.fixture(scope="module")
def months(last_day: date) -> list[date]:
    return [month_end(add_months(last_day.replace(day=1), -back)) for back in (2, 1, 0)]


@pytest.fixture(scope="module")
def seen(rater: Rater, ids: dict[str, list[str]], months: list[date]) -> dict[str, list[Observed]]:
    """What there is to be said of every watched subject at each month end."""
    found: dict[str, list[Observed]] = {}
    for kind, some in ids.items():
        for one in observe(rater, kind, [(subject, end_of_day(day)) for subject in some for day in months]):
            found.setdefault(one.subject_id, []).append(one)
    return found


@pytest.fixture
def clients(http: TestClient, trained_base: RecordBase) -> Iterator[dict[str, Asking]]:
    """One client a role, all of whose lists go with the test, and no alerts from before."""
    made = {
        role: Asking(http, trained_base, role, f"watch-{role}") for role in ("bank", "platform", "regulator", "agency")
    }
    yield made
    for role in ("bank", "platform"):
        for one in made[role]("GET", "watch-lists").json()["watch_lists"]:
            made[role]("DELETE", f"watch-lists/{one['watch_list_id']}")
    with writing(trained_base.engine) as session:
        session.execute(delete(SubjectAlertsRow))
    keys = Clients(trained_base.engine)
    for one in made.values():
        keys.revoke(keys.authenticate(one.headers["X-API-Key"]).client_id)


def events_of(base: RecordBase, asking: Asking) -> set[tuple[str, str, str, str]]:
    """Type, subject, code and severity of what a client was told."""
    client = Clients(base.engine).authenticate(asking.headers["X-API-Key"])
    with Session(base.engine) as session:
        bodies = [
            orjson.loads(row.body) for row in session.scalars(select(EventRow)) if row.client_id == client.client_id
        ]
    return {(one["type"], one["subject_id"], one["alert"]["code"], one["alert"]["severity"]) for one in bodies}


def test_watched_subjects_are_evaluated_once_and_told_from_the_threshold_on(
    clients: dict[str, Asking],
    trained_base: RecordBase,
    rater: Rater,
    ids: dict[str, list[str]],
    months: list[date],
    seen: dict[str, list[Observed]],
) -> None:
    bank, platform = clients["bank"], clients["platform"]
    hook = {"url": "https://bank.example/hook"}
    for one in (bank, platform):
        assert one("POST", "webhooks", json=hook).status_code == 201
    bank.watch("all", "blue", ids["enterprise"])
    bank.watch("farmers", "blue", ids["farmer"], authorisation="SQ-1")
    platform.watch("grave", "orange", ids["enterprise"][:12])
    expected = {
        subject: alert_history([(one.day, one.signals) for one in observed]) for subject, observed in seen.items()
    }
    for day in months:
        made = evaluate(trained_base, rater, end_of_day(day))
        assert made.subjects == ENTERPRISES + FARMERS
        again = evaluate(trained_base, rater, end_of_day(day))
        assert (again.subjects, again.events) == (0, 0)
    with Session(trained_base.engine) as session:
        kept = {row.subject_id: read_kept(row.alerts) for row in session.scalars(select(SubjectAlertsRow))}
    assert kept == {subject: history[-1][1] for subject, history in expected.items()}
    raised = {
        ("warning.raised", subject, alert.code, alert.signal.severity)
        for subject, history in expected.items()
        for _, alerts in history
        for alert in alerts
        if alert.state == "new"
    }
    assert raised
    told = events_of(trained_base, bank)
    assert {one for one in told if one[0] == "warning.raised"} == raised
    assert any(one[0] == "warning.ended" for one in told)
    grave = {one for one in raised if one[1] in ids["enterprise"][:12] and one[3] in ("red", "orange")}
    assert {one for one in events_of(trained_base, platform) if one[0] == "warning.raised"} == grave
    with pytest.raises(BadMoment):
        evaluate(trained_base, rater, end_of_day(date(2999, 1, 31)))
    assert verify(trained_base.engine).sound


def test_who_comes_later_is_told_of_what_stands_and_the_others_not_again(
    clients: dict[str, Asking], trained_base: RecordBase, rater: Rater, ids: dict[str, list[str]], months: list[date]
) -> None:
    bank, platform = clients["bank"], clients["platform"]
    for one in (bank, platform):
        one("POST", "webhooks", json={"url": "https://bank.example/hook", "event_types": ["warning.raised"]})
    watched = ids["enterprise"]
    bank.watch("all", "blue", watched)
    evaluate(trained_base, rater, end_of_day(months[0]))
    before = events_of(trained_base, bank)
    platform.watch("later", "blue", watched)
    made = evaluate(trained_base, rater, end_of_day(months[0]), untold=True)
    assert made.raised == 0
    assert events_of(trained_base, platform) == before != set()
    assert events_of(trained_base, bank) == before


def test_a_withdrawn_consent_ends_the_telling_and_a_new_one_begins_it_again(
    clients: dict[str, Asking],
    trained_base: RecordBase,
    rater: Rater,
    months: list[date],
    seen: dict[str, list[Observed]],
    ids: dict[str, list[str]],
) -> None:
    bank = clients["bank"]
    farmer = next(one for one in ids["farmer"] if seen[one][-1].signals)
    bank("POST", "webhooks", json={"url": "https://bank.example/hook", "event_types": ["warning.raised"]})
    asked = {"reference": "SQ-W", "subject": farmer, "purposes": ["loan_monitoring"], "document": "DA-W"}
    filed = bank("POST", "consents", json=asked | {"valid_until": "2030-01-01T00:00:00Z"}).json()
    wanted = {"name": "w", "threshold": "blue", "subjects": [{"subject": farmer, "authorisation": "SQ-W"}]}
    key = {**bank.headers, "Idempotency-Key": secrets.token_hex(16)}
    made = [bank.http.post("/v1/watch-lists", json=wanted, headers=key) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert made[1].headers["Idempotency-Replayed"] == "true"
    assert bank("POST", f"consents/{filed['consent_id']}/withdrawal").status_code == 200
    assert evaluate(trained_base, rater, end_of_day(months[-1])).events == 0
    assert bank("GET", "warnings").json()["warnings"] == []
    assert events_of(trained_base, bank) == set()
    consent(trained_base, "SQ-W2", farmer)
    entries = {"subjects": [{"subject": farmer, "authorisation": "SQ-W2"}]}
    assert bank("POST", f"watch-lists/{made[0].json()['watch_list_id']}/entries", json=entries).status_code == 201
    assert evaluate(trained_base, rater, end_of_day(months[-1]), untold=True).events >= 1
    assert {one[1] for one in events_of(trained_base, bank)} == {farmer}
    assert [one["subject_id"] for one in bank("GET", "warnings").json()["warnings"]] == [farmer]


def test_current_warnings_are_paged_and_filtered_and_each_sees_their_own(
    clients: dict[str, Asking], trained_base: RecordBase, rater: Rater, ids: dict[str, list[str]], months: list[date]
) -> None:
    bank, platform, regulator = (clients[role] for role in ("bank", "platform", "regulator"))
    bank.watch("farmers", "red", ids["farmer"], authorisation="SQ-1")
    platform.watch("firms", "red", ids["enterprise"])
    evaluate(trained_base, rater, end_of_day(months[-1]))
    pages, cursor = [], None
    while True:
        answer = regulator("GET", "warnings", params={"limit": 7} | ({"cursor": cursor} if cursor else {})).json()
        pages.append(answer["warnings"])
        cursor = answer["next"]
        if cursor is None:
            break
    every = [one for page in pages for one in page]
    order = [(SEVERITIES.index(one["severity"]), one["subject_id"]) for one in every]
    assert order == sorted(set(order))
    assert all(len(page) == 7 for page in pages[:-1])
    assert set(every[0]["distress"]) == {"3", "6", "12"}
    for one, kind in ((bank, "farmer"), (platform, "enterprise")):
        mine = one("GET", "warnings", params={"limit": 100}).json()["warnings"]
        assert mine == [warned for warned in every if warned["segment"] == kind]
    grave = platform("GET", "warnings", params={"severity": "orange", "segment": "enterprise"}).json()["warnings"]
    assert grave
    assert {one["severity"] for one in grave} <= {"red", "orange"}
    assert platform("GET", "warnings", params={"segment": "farmer"}).json()["warnings"] == []
    assert clients["agency"]("GET", "warnings").status_code == 403
    assert regulator("GET", "warnings", params={"cursor": "nonsense"}).status_code == 422
    with Session(trained_base.engine) as session:
        looks = select(AuditRow.subject_id).where(AuditRow.action == "warnings")
        assert {one["subject_id"] for one in every} <= set(session.scalars(looks))


def test_a_subjects_history_says_new_continuing_and_why(
    clients: dict[str, Asking],
    rater: Rater,
    ids: dict[str, list[str]],
    months: list[date],
    seen: dict[str, list[Observed]],
) -> None:
    farmer = next(one for one in ids["farmer"] if seen[one][-1].signals)
    path = f"subjects/{farmer}/warnings"
    asked = {"purpose": "loan_monitoring", "as_of": months[-1].isoformat(), "months": "6"}
    bank = clients["bank"]
    consent(bank.base, "SQ-1", farmer)
    assert bank("GET", path, params=asked).status_code == 403
    assert clients["platform"]("GET", path, params=asked | {"authorisation": "SQ-1"}).status_code == 403
    found = bank("GET", path, params=asked | {"authorisation": "SQ-1"}).json()
    assert clients["regulator"]("GET", path, params=asked).json() == found
    bank.watch("mine", "red", [farmer], authorisation="SQ-1")
    assert bank("GET", path, params=asked).json() == found
    assert len(found["history"]) == 7
    latest = found["history"][0]
    assert {one["code"] for one in latest["alerts"] if one["ended"] is None} >= {
        one.code for one in seen[farmer][-1].signals
    }
    assert latest["distress"] == {str(months): value for months, value in seen[farmer][-1].distress.items()}
    assert any(one["evidence"] for moment in found["history"] for one in moment["alerts"])
    for number, moment in enumerate(found["history"][:-1]):
        before = {one["code"] for one in found["history"][number + 1]["alerts"]}
        continuing = {one["code"] for one in moment["alerts"] if one["state"] == "continuing"}
        assert continuing <= before
    for wrong in ({"as_of": "2999-01-01"}, {"as_of": "0001-01-01"}, {"purpose": "curiosity"}, {"months": "0"}):
        assert clients["regulator"]("GET", path, params=asked | wrong).status_code == 422
    assert clients["regulator"]("GET", f"subjects/{'0' * 32}/warnings", params=asked).status_code == 404


def test_lists_take_all_or_nothing_and_belong_to_one_client(
    clients: dict[str, Asking], ids: dict[str, list[str]]
) -> None:
    bank, platform = clients["bank"], clients["platform"]
    one = bank.watch("one", "red", ids["enterprise"][:2])
    assert bank("POST", "watch-lists", json={"name": "one"}).status_code == 409
    entries = f"watch-lists/{one}/entries"

    def put(*subjects: dict[str, str]) -> httpx.Response:
        return bank("POST", entries, json={"subjects": list(subjects)})

    firm, farmer = {"subject": ids["enterprise"][5]}, {"subject": ids["farmer"][0]}
    assert put(firm, farmer).status_code == 403
    assert "no. 2" in put(firm, farmer).json()["detail"]
    assert put(firm, {"subject": "nonsense"}).status_code == 404
    assert bank("GET", entries).json()["entries"][2:] == []
    consent(bank.base, "SQ-9", farmer["subject"])
    assert put(firm, farmer | {"authorisation": "SQ-9"}).status_code == 201
    first = bank("GET", entries, params={"limit": 3}).json()
    rest = bank("GET", entries, params={"limit": 3, "cursor": first["next"]}).json()
    listed = [entry["subject_id"] for entry in first["entries"] + rest["entries"]]
    assert listed == sorted([*ids["enterprise"][:2], firm["subject"], farmer["subject"]])
    assert rest["next"] is None
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/entries"), ("DELETE", f"/entries/{firm['subject']}")):
        assert platform(method, f"watch-lists/{one}{path}").status_code == 404
        assert clients["regulator"](method, f"watch-lists/{one}{path}").status_code == 403
    assert platform("POST", entries, json={"subjects": [firm]}).status_code == 404
    assert (
        platform("POST", "watch-lists", json={"name": "f", "subjects": [farmer | {"authorisation": "S"}]}).status_code
        == 403
    )
    assert platform("GET", "watch-lists").json() == {"watch_lists": [], "next": None}
    assert bank("DELETE", f"{entries}/{firm['subject']}").status_code == 204
    assert bank("DELETE", f"{entries}/{firm['subject']}").status_code == 404
    assert bank("GET", f"watch-lists/{one}").json()["entries"] == 3
    assert bank("DELETE", f"watch-lists/{one}").status_code == 204
    assert bank("GET", entries).status_code == 404
