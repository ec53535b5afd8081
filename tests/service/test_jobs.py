"""Scoring many over REST: at once, and as jobs that survive their workers."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import orjson
import polars as pl
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import AuditRow, SubjectRow, writing
from records.database_jobs import JobRow
from records.moment import now
from records.settings import Settings
from scoring.audit import verify
from scoring.rating import Rater
from service.app import create_app
from service.jobs.desk import JobDesk
from service.jobs.worker import JobWorker
from service.security import Clients
from tests.consents import consent

BANK, PLATFORM, REGULATOR = "bank", "platform", "regulator"


@pytest.fixture(scope="module")
def keys(trained_base: RecordBase) -> dict[str, dict[str, str]]:
    clients = Clients(trained_base.engine)
    made = {name: clients.add(f"jobs {name}", name) for name in (BANK, PLATFORM, REGULATOR)}
    return {name: {"X-API-Key": key, "Accept-Language": "en"} for name, key in made.items()}


@pytest.fixture(scope="module")
def http(trained_settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(trained_settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def firms(trained_base: RecordBase) -> list[str]:
    return _subjects(trained_base, "enterprise")


@pytest.fixture(scope="module")
def farmers(trained_base: RecordBase) -> list[str]:
    return _subjects(trained_base, "farmer")


def _subjects(base: RecordBase, kind: str) -> list[str]:
    with Session(base.engine) as session:
        known = select(SubjectRow.subject_id).where(SubjectRow.kind == kind).order_by(SubjectRow.subject_id)
        return list(session.scalars(known.limit(30)))


def _finished(http: TestClient, headers: dict[str, str], job_id: str) -> dict[str, Any]:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        answer: dict[str, Any] = http.get(f"/v1/jobs/{job_id}", headers=headers).json()
        if answer["state"] not in ("queued", "running"):
            return answer
        time.sleep(0.1)
    raise AssertionError("the job does not end")


def _entries(base: RecordBase, action: str) -> list[AuditRow]:
    with Session(base.engine, expire_on_commit=False) as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.action == action)))


def test_rows_that_fail_carry_their_problem_and_the_others_their_rating(
    http: TestClient,
    keys: dict[str, dict[str, str]],
    firms: list[str],
    farmers: list[str],
    trained_base: RecordBase,
    last_day: date,
) -> None:
    subjects: list[dict[str, str]] = [{"subject": firms[0]}, {"subject": farmers[0]}, {"subject": "f" * 32}]
    subjects.append({"subject": farmers[1], "authorisation": "SQ-1"})
    consent(trained_base, "SQ-1", farmers[1])
    asked = {"subjects": subjects, "purpose": "review", "as_of": last_day.isoformat()}
    answer = http.post("/v1/scores/batch", json=asked, headers=keys[BANK])
    assert answer.status_code == 200, answer.text
    found = answer.json()
    firm, unauthorised, unknown, farmer = found["results"]
    assert (found["scored"], found["refused"]) == (2, 2)
    alone = Rater(trained_base).rate(firms[0], last_day)
    assert (firm["pd"], firm["score"], firm["grade"]) == (alone.pd, alone.score, alone.grade)
    told = sum(one["points"] for one in firm["reasons"]) + firm["other_points"]
    assert firm["base_points"] + told + firm["clip_points"] == pytest.approx(firm["score"], abs=1e-6)
    assert farmer["subject_id"] == farmers[1]
    assert "written authorisation" in unauthorised["problem"]["en"]["detail"]
    assert unknown["problem"]["status"] == 404
    looks = [row for row in _entries(trained_base, "score") if row.subject_id == farmers[1]]
    assert orjson.loads(looks[-1].payload)["authorisation"] == "SQ-1"


def test_a_job_over_a_whole_segment_gives_parquet_in_parts_and_is_audited_in_groups(
    http: TestClient, keys: dict[str, dict[str, str]], trained_base: RecordBase
) -> None:
    asked = {"segment": "enterprise", "purpose": "loan_monitoring", "format": "parquet", "reasons": "all"}
    ordered = http.post("/v1/jobs", json=asked, headers=keys[PLATFORM])
    assert ordered.status_code == 202, ordered.text
    job_id = ordered.json()["job_id"]
    ended = _finished(http, keys[PLATFORM], job_id)
    assert ended["state"] == "done", ended
    assert ended["done"] == ended["total"] > 1_000
    where = f"/v1/jobs/{job_id}/result"
    whole = http.get(where, headers=keys[PLATFORM])
    table = pl.read_parquet(io.BytesIO(whole.content))
    assert table.height == ended["total"]
    assert table["grade"].null_count() == 0
    part = http.get(where, headers=keys[PLATFORM] | {"Range": "bytes=4-99"})
    assert (part.status_code, part.content) == (206, whole.content[4:100])
    beyond = http.get(where, headers=keys[PLATFORM] | {"Range": f"bytes={len(whole.content)}-"})
    assert (beyond.status_code, beyond.json()["type"]) == (416, "urn:huixin:problem:no-such-part")
    for odd in ("bytes=9-4", "bytes=-", "lines=1-2", "bytes=0-1,3-4"):
        assert http.get(where, headers=keys[PLATFORM] | {"Range": odd}).content == whole.content
    again = http.get(where, headers=keys[PLATFORM] | {"If-None-Match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    groups = [orjson.loads(row.payload) for row in _entries(trained_base, "score.many")]
    assert sum(one["subjects"] for one in groups if one["job_id"] == job_id) == table.height
    assert http.get(where, headers=keys[BANK]).status_code == 404
    assert http.delete(f"/v1/jobs/{job_id}", headers=keys[PLATFORM]).json()["state"] == "cancelled"
    assert http.get(where, headers=keys[PLATFORM]).status_code == 410
    assert verify(trained_base.engine).sound


def test_a_job_over_named_persons_enters_each_look(
    http: TestClient, keys: dict[str, dict[str, str]], farmers: list[str], trained_base: RecordBase
) -> None:
    subjects = [{"subject": one, "authorisation": f"SQ-{at}"} for at, one in enumerate(farmers[2:6])]
    for one in subjects:
        consent(trained_base, one["authorisation"], one["subject"])
    asked = {"subjects": subjects, "purpose": "loan_application"}
    job_id = http.post("/v1/jobs", json=asked, headers=keys[BANK]).json()["job_id"]
    assert _finished(http, keys[BANK], job_id)["state"] == "done"
    lines = [orjson.loads(line) for line in http.get(f"/v1/jobs/{job_id}/result", headers=keys[BANK]).iter_lines()]
    assert [one["subject_id"] for one in lines] == farmers[2:6]
    scores = {one["subject_id"]: one["score"].hex() for one in lines}
    entered = [row for row in _entries(trained_base, "score") if job_id in row.payload]
    assert {row.subject_id: orjson.loads(row.payload)["score"] for row in entered} == scores


@pytest.mark.parametrize(
    ("role", "asked", "status"),
    [
        (REGULATOR, {"segment": "enterprise"}, 403),
        (PLATFORM, {"subjects": [{"subject": "FARMER", "authorisation": "SQ"}]}, 422),
        (BANK, {"subjects": [{"subject": "FARMER"}]}, 422),
        (BANK, {"segment": "farmer"}, 422),
        (BANK, {"segment": "enterprise", "subjects": [{"subject": "FARMER"}]}, 422),
        (BANK, {"segment": "enterprise", "as_of": "2999-01-01"}, 422),
    ],
)
def test_what_may_not_be_ordered_orders_nothing(
    http: TestClient,
    keys: dict[str, dict[str, str]],
    farmers: list[str],
    trained_base: RecordBase,
    role: str,
    asked: dict[str, Any],
    status: int,
) -> None:
    if "subjects" in asked:
        asked = asked | {"subjects": [one | {"subject": farmers[0]} for one in asked["subjects"]]}
    with Session(trained_base.engine) as session:
        before = session.query(JobRow).count()
    assert http.post("/v1/jobs", json=asked | {"purpose": "review"}, headers=keys[role]).status_code == status
    with Session(trained_base.engine) as session:
        assert session.query(JobRow).count() == before


def test_a_killed_workers_job_is_taken_up_by_another(
    trained_base: RecordBase, firms: list[str], keys: dict[str, dict[str, str]]
) -> None:
    clients, desk = Clients(trained_base.engine), JobDesk(trained_base)
    bank = next(one for one in clients.list() if one.name == "jobs bank")
    row = _order(desk, bank.client_id, firms[:3])
    assert desk.claim("killed") is not None
    assert desk.claim("another") is None
    with writing(trained_base.engine) as session:
        session.execute(update(JobRow).values(leased_until=now() - timedelta(seconds=1)))
    worker = JobWorker(desk, Rater(trained_base), clients)
    assert worker.work_one()
    done = desk.of(bank.client_id, row.job_id)
    assert (done.state, done.done, done.attempts) == ("done", 3, 2)
    with writing(trained_base.engine) as session:
        session.execute(update(JobRow).where(JobRow.job_id == row.job_id).values(expires_at=now()))
    desk.tidy()
    assert desk.of(bank.client_id, row.job_id).state == "expired"
    assert not desk.file(row).exists()


def test_a_cancelled_job_leaves_no_file(trained_base: RecordBase, firms: list[str], keys: Any) -> None:
    clients, desk = Clients(trained_base.engine), JobDesk(trained_base)
    bank = next(one for one in clients.list() if one.name == "jobs bank")
    row = _order(desk, bank.client_id, firms[:3])
    worker = JobWorker(desk, Rater(trained_base), clients)
    worker._go_on = lambda lost: desk.cancel(bank.client_id, row.job_id)  # type: ignore[assignment,return-value]
    assert worker.work_one()
    assert desk.of(bank.client_id, row.job_id).state == "cancelled"
    assert not any(row.job_id in path.name for path in desk.folder.iterdir())


def _order(desk: JobDesk, client_id: str, subjects: list[str]) -> JobRow:
    from service.jobs.rows import Wanted

    chosen = [Wanted(one, "enterprise", None) for one in subjects]
    return desk.order(client_id, chosen, None, purpose="review", as_of=now(), form="ndjson", reasons="top")
