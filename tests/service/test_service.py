"""The service: who may ask, what they get, and that nothing bad changes anything."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from county.numbers import farmer_numbers
from huixin.serving import running
from records.base import RecordBase
from records.database import AuditRow, ScoreRow
from records.settings import Settings
from scoring.audit import verify
from service.app import create_app
from service.security import ROLES, BadClient, Clients
from tests.consents import consent

KINDS = ("enterprise", "farmer")


@pytest.fixture(scope="module")
def client(trained_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(trained_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def keys(trained_base: RecordBase) -> dict[str, str]:
    clients = Clients(trained_base.engine)
    return {role: clients.add(f"{role}-{id(clients)}", role) for role in ROLES}


@pytest.fixture(scope="module")
def subjects(trained_base: RecordBase) -> dict[str, str]:
    found = {kind: str(trained_base.subjects(kind)["subject_id"][1].as_py()) for kind in KINDS}
    consent(trained_base, "SQ-1", found["farmer"])
    return found


def ask(client: TestClient, key: str | None, **body: Any) -> httpx.Response:
    headers = {"X-API-Key": key} if key else {}
    return client.post("/v1/scores", json=body, headers=headers)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", KINDS)
def test_roles_see_the_kinds_they_may(
    client: TestClient, keys: dict[str, str], subjects: dict[str, str], role: str, kind: str
) -> None:
    answer = ask(client, keys[role], subject=subjects[kind], purpose="loan_application", authorisation="SQ-1")
    allowed = (role == "platform" and kind == "enterprise") or role == "bank"
    assert answer.status_code == (200 if allowed else 403)
    if allowed:
        found = answer.json()
        total = found["base_points"] + sum(one["points"] for one in found["reasons"]) + found["clip_points"]
        assert total == pytest.approx(found["score"], abs=1e-6)
        regulator = {"X-API-Key": keys["regulator"]}
        assert client.get(f"/v1/scores/{found['score_id']}", headers=regulator).json() == found
        again = client.post(f"/v1/scores/{found['score_id']}/replay", headers=regulator).json()
        assert again["equal"] is True
        denied = client.post(f"/v1/scores/{found['score_id']}/replay", headers={"X-API-Key": keys[role]})
        assert denied.status_code == 403


def test_a_person_is_not_scored_without_authorisation(
    client: TestClient, keys: dict[str, str], subjects: dict[str, str]
) -> None:
    answer = ask(client, keys["bank"], subject=subjects["farmer"], purpose="loan_application")
    assert answer.status_code == 403
    assert "Art. 18" in answer.json()["en"]["detail"]


@pytest.mark.parametrize("key", [None, "", "hx_000000000000_x", "Bearer x", "hx__"])
def test_without_a_valid_key_nothing_is_said(client: TestClient, subjects: dict[str, str], key: str | None) -> None:
    answer = ask(client, key, subject=subjects["enterprise"], purpose="review")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"purpose": "review"}, 422, "bad-request"),
        ({"subject": "x" * 65, "purpose": "review"}, 422, "bad-request"),
        ({"subject": "0" * 32, "purpose": "review"}, 404, "unknown-subject"),
        ({"subject": "nonsense", "purpose": "review"}, 404, "unknown-subject"),
        ({"subject": 5, "purpose": "review"}, 422, "bad-request"),
        ({"subject": "SUBJECT", "purpose": "curiosity"}, 422, "bad-request"),
        ({"subject": "SUBJECT", "purpose": "review", "as_of": "soon"}, 422, "bad-moment"),
        ({"subject": "SUBJECT", "purpose": "review", "as_of": "2999-01-01"}, 422, "bad-moment"),
        ({"subject": "SUBJECT", "purpose": "review", "extra": 1}, 422, "bad-request"),
    ],
)
def test_bad_questions_get_a_problem_in_both_languages(
    client: TestClient, keys: dict[str, str], subjects: dict[str, str], body: dict[str, Any], status: int, code: str
) -> None:
    body = {name: subjects["enterprise"] if value == "SUBJECT" else value for name, value in body.items()}
    answer = ask(client, keys["bank"], **body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:huixin:problem:{code}")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["zh"]["detail"]
    assert answer.json()["en"]["detail"]


def test_broken_bodies_routes_and_methods_are_problems_too(client: TestClient, keys: dict[str, str]) -> None:
    headers = {"X-API-Key": keys["bank"], "Content-Type": "application/json"}
    answers = [
        client.post("/v1/scores", content=b"{not json", headers=headers),
        client.post("/v1/scores", content=b"x" * 100_000, headers=headers),
        client.get("/v1/nothing"),
        client.delete("/v1/scores"),
        client.get("/v1/scores/s-unknown", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [422, 413, 404, 405, 404]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_an_identity_number_is_answered_but_never_echoed(
    client: TestClient, keys: dict[str, str], trained_base: RecordBase, capfd: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    known = next(
        str(number)
        for number in farmer_numbers(np.arange(600, 1_500))
        if trained_base.identity.subject_id("ric", str(number))
        in set(trained_base.subjects("farmer")["subject_id"].to_pylist())
    )
    consent(trained_base, "SQ-2", known)
    wrong = known[:-1] + ("0" if known[-1] != "0" else "1")
    good = ask(client, keys["bank"], subject=known, purpose="review", authorisation="SQ-2")
    bad = ask(client, keys["bank"], subject=wrong, purpose=wrong)
    assert good.status_code == 200
    assert bad.status_code == 422
    captured = capfd.readouterr()
    with Session(trained_base.engine) as session:
        entries = "".join(row.payload for row in session.query(AuditRow))
    for said in (good.text, bad.text, captured.out, captured.err, entries):
        assert known not in said
        assert wrong not in said


def test_every_look_and_refusal_is_in_the_trail(
    client: TestClient, keys: dict[str, str], subjects: dict[str, str], trained_base: RecordBase
) -> None:
    mine = {Clients(trained_base.engine).authenticate(keys[role]).client_id for role in ("bank", "analyst")}

    def actions() -> list[str]:
        with Session(trained_base.engine) as session:
            rows = session.query(AuditRow).where(AuditRow.actor.in_(mine)).order_by(AuditRow.seq)
            return [row.action for row in rows]

    before = len(actions())
    ask(client, keys["bank"], subject=subjects["enterprise"], purpose="review")
    ask(client, keys["analyst"], subject=subjects["enterprise"], purpose="review")
    assert actions()[before:] == ["score", "score.refused"]
    assert verify(trained_base.engine).sound


def test_parallel_questions_all_get_their_own_answer(
    client: TestClient, keys: dict[str, str], trained_base: RecordBase, last_day: date
) -> None:
    ids = trained_base.subjects("enterprise")["subject_id"].to_pylist()[:24]

    def score(subject: str) -> Any:
        return ask(client, keys["bank"], subject=subject, purpose="review", as_of=last_day.isoformat()).json()

    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(score, ids))
    assert [one["subject_id"] for one in parallel] == ids
    assert [one["score"] for one in parallel[:4]] == [score(subject)["score"] for subject in ids[:4]]
    assert verify(trained_base.engine).sound


def test_a_revoked_key_is_refused_and_names_and_roles_are_checked(client: TestClient, trained_base: RecordBase) -> None:
    clients = Clients(trained_base.engine)
    key = clients.add("short-lived", "bank")
    assert client.get("/v1/models", headers={"X-API-Key": key}).status_code == 200
    clients.revoke(next(one.client_id for one in clients.list() if one.name == "short-lived"))
    assert client.get("/v1/models", headers={"X-API-Key": key}).status_code == 401
    for name, role in (("short-lived", "bank"), ("x", "king"), ("", "bank")):
        with pytest.raises(BadClient):
            clients.add(name, role)
    # In a process of its own: closing a file of SQLite's in this one would drop the locks of its open connections.
    found = subprocess.run(["grep", "-r", "-l", "-a", "-F", key, str(trained_base.settings.home)], capture_output=True)
    assert (found.returncode, found.stdout) == (1, b"")


def test_public_pages_health_and_metrics(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ready"
    assert "huixin_requests_total" in client.get("/metrics").text
    assert len(client.get("/v1/catalogue").json()) >= 11
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    assert client.get("/static/swagger-ui/swagger-ui-bundle.js").status_code == 200


def test_a_service_without_models_is_alive_but_not_ready(base: RecordBase) -> None:
    with TestClient(create_app(base.settings)) as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["champions"] == {"enterprise": "model-not-trained", "farmer": "model-not-trained"}


def test_the_document_keeps_what_it_promises(trained_settings: Settings, keys: dict[str, str]) -> None:
    from hypothesis import HealthCheck, given, settings

    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(trained_settings))
    assert schema.raw_schema["openapi"].startswith("3.1")
    checks = schemathesis.checks
    chosen = [
        checks.not_a_server_error,
        checks.load_all_checks() or checks.CHECKS.get_one("status_code_conformance"),
        checks.CHECKS.get_one("content_type_conformance"),
        checks.CHECKS.get_one("response_schema_conformance"),
    ]
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy()

        @given(case=strategy)
        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def conforms(case: Any) -> None:
            case.call_and_validate(headers={"X-API-Key": keys["bank"]}, checks=chosen)

        conforms()


def test_a_killed_service_has_kept_every_acknowledged_score(
    trained_settings: Settings, trained_base: RecordBase, keys: dict[str, str], last_day: date
) -> None:
    ids = trained_base.subjects("enterprise")["subject_id"].to_pylist()
    acknowledged: list[str] = []
    with running(trained_settings) as address:
        stopped = threading.Event()

        def client(offset: int) -> None:
            with httpx.Client(headers={"X-API-Key": keys["bank"]}, timeout=30) as session:
                for subject in ids[offset::4]:
                    if stopped.is_set():
                        return
                    body = {"subject": subject, "purpose": "review", "as_of": last_day.isoformat()}
                    try:
                        answer = session.post(f"{address}/v1/scores", json=body)
                    except httpx.HTTPError:
                        return
                    if answer.status_code == 200:
                        acknowledged.append(answer.json()["score_id"])

        threads = [threading.Thread(target=client, args=(offset,)) for offset in range(4)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 240
        while len(acknowledged) < 25 and time.monotonic() < until:
            threads[0].join(0.05)
        port = address.rsplit(":", 1)[1]
        pid = _pid_of(port)
        subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(pid)], check=True)
        stopped.set()
        for thread in threads:
            thread.join()
    with Session(trained_base.engine) as session:
        stored = set(session.scalars(text("SELECT score_id FROM scores")))
        audited = {
            orjson.loads(payload).get("score_id")  # a job's scores are kept in its file, under no id
            for payload in session.scalars(text("SELECT payload FROM audit WHERE action = 'score'"))
        }
        count = session.query(ScoreRow).count()
    assert set(acknowledged) <= stored
    assert stored <= audited
    assert count >= 25
    assert verify(trained_base.engine).sound


def _pid_of(port: str) -> int:
    """The service that this test started: our child that was given this port."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        if port in child.cmdline() and sys.executable.rsplit("/", 1)[1][:6] in child.cmdline()[0]:
            return int(child.pid)
    raise AssertionError("the service is not running")
