"""Pushing over REST: resumed after breaks, taken once, refused with a reason, never in clear on the disk."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.database import AuditRow, migrate
from records.exchange.errors import BadReceipt
from records.exchange.private import PrivateFiles
from records.exchange.signing import verify
from records.settings import Settings
from scoring.audit import verify as verify_trail
from service.app import create_app
from service.security import ROLES, Clients
from tests.sending import usage
from tests.service.conftest import Agency


def kept(base: RecordBase) -> int:
    found = base.connection(("power.usage",)).con.execute("SELECT count(*) FROM power_usage").fetchone()
    assert found
    return int(found[0])


def code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["zh"]["detail"]
    assert answer.json()["en"]["detail"]
    return str(answer.json()["type"].rsplit(":", 1)[1])


def test_a_batch_sent_in_chunks_is_kept_and_its_receipt_verifies(power: Agency, exchange_base: RecordBase) -> None:
    content = usage("a", 300, bad=(7,))
    declared = power.declare(content, "2025-01")
    assert declared.status_code == 201
    upload = declared.json()
    assert declared.headers["location"] == f"/v1/uploads/{upload['upload_id']}"
    assert (upload["state"], upload["offset"]) == ("receiving", 0)
    told = {name: datetime.fromisoformat(upload[name]) for name in ("created_at", "updated_at", "expires_at")}
    assert {one.utcoffset() for one in told.values()} == {timedelta(0)}
    assert told["created_at"] <= datetime.now(UTC) < told["expires_at"]
    first = power.send(upload["upload_id"], 0, content[:5000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "5000")
    head = power.http.head(f"/v1/uploads/{upload['upload_id']}", headers=power.headers)
    assert (head.headers["upload-offset"], head.headers["upload-complete"]) == ("5000", "?0")
    assert power.get(f"/v1/uploads/{upload['upload_id']}/receipt").status_code == 202
    digest = b64encode(sha256(content[5000:]).digest()).decode()
    last = power.send(upload["upload_id"], 5000, content[5000:], **{"Content-Digest": f"sha-256=:{digest}:"})
    assert (last.status_code, last.json()["offset"]) == (202, len(content))
    answer = power.receipt(upload["upload_id"])
    assert answer.status_code == 200
    receipt = answer.json()["receipt"]
    assert (receipt["rows_accepted"], receipt["rows_rejected"]) == (299, 1)
    assert (receipt["batch_key"], receipt["source"], receipt["item"]) == ("2025-01", "power", "power.usage")
    assert str(exchange_base.settings.home) not in answer.text
    keys = power.http.get("/v1/receipts/key").json()
    assert verify(answer.content, keys) == receipt
    assert verify(answer.json()["jws"].encode(), keys) == receipt
    assert kept(exchange_base) == 299
    assert not list((exchange_base.settings.home / "spool").glob("*.spool"))


def test_a_changed_receipt_does_not_verify(power: Agency) -> None:
    answer = power.push(usage("a", 3), "k").json()
    keys = power.http.get("/v1/receipts/key").json()
    jws = answer["jws"]
    for place in range(0, len(jws), 7):
        changed = jws[:place] + ("A" if jws[place] != "A" else "B") + jws[place + 1 :]
        with pytest.raises(BadReceipt):
            verify(changed.encode(), keys)
    answer["receipt"]["rows_accepted"] = 4
    for content in (orjson.dumps(answer), b"{}", b"", b"nonsense", b"\xff\xfe"):
        with pytest.raises(BadReceipt):
            verify(content, keys)
    with pytest.raises(BadReceipt):
        verify(jws.encode(), {"keys": [keys["keys"][0] | {"kid": "other"}]})


def test_the_same_key_gives_the_same_upload_and_another_declaration_is_refused(
    power: Agency, exchange_base: RecordBase
) -> None:
    content, other = usage("a", 20), usage("b", 20)
    first = power.declare(content, "k").json()
    power.send(first["upload_id"], 0, content[:100])
    again = power.declare(content, "k")
    assert (again.status_code, again.json()["upload_id"]) == (200, first["upload_id"])
    assert again.json()["offset"] == 100
    for changed in (power.declare(other, "k"), power.declare(content, "k", ending="jsonl")):
        assert (changed.status_code, code(changed)) == (409, "batch-key-taken")
    power.send(first["upload_id"], 100, content[100:])
    batch_id = power.receipt(first["upload_id"]).json()["receipt"]["batch_id"]
    settled = power.declare(content, "k")
    assert (settled.status_code, settled.json()["state"], settled.json()["batch_id"]) == (200, "accepted", batch_id)
    assert power.push(content, "k").json()["receipt"]["batch_id"] == batch_id
    assert code(power.push(other, "k")) == "batch-key-taken"
    assert code(power.send(first["upload_id"], 0, b"x")) == "not-receiving"
    assert kept(exchange_base) == 20


def test_an_old_batch_sent_again_under_a_new_key_adds_nothing(power: Agency, exchange_base: RecordBase) -> None:
    content = usage("a", 20)
    first = power.push(content, "old")
    again = power.push(content, "new")
    late = power.receipt(power.upload(content, "newer"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["jws"] == again.json()["jws"] == late.json()["jws"]
    assert kept(exchange_base) == 20
    assert len(exchange_base.batches()) == 1


def test_wrong_offsets_digests_and_sizes_change_nothing(power: Agency) -> None:
    content = usage("a", 20)
    upload_id = power.declare(content, "k").json()["upload_id"]
    power.send(upload_id, 0, content[:200])
    for offset in (0, 199, 201, 10**9):
        wrong = power.send(upload_id, offset, content[200:300])
        assert (wrong.status_code, wrong.headers["upload-offset"], code(wrong)) == (409, "200", "wrong-offset")
    for digest in ("sha-256=:AAAA:", "nonsense", f"sha-256=:{b64encode(bytes(32)).decode()}:"):
        answer = power.send(upload_id, 200, content[200:300], **{"Content-Digest": digest})
        assert (answer.status_code, code(answer)) == (422, "wrong-digest")
    past = power.send(upload_id, 200, content[200:] + b"x")
    assert (past.status_code, code(past)) == (413, "too-large")
    assert code(power.send(upload_id, 200, b"x", **{"Content-Type": "text/csv"})) == "wrong-media-type"
    assert code(power.send(upload_id, -1, b"x")) == "bad-request"
    assert power.get(f"/v1/uploads/{upload_id}").json()["offset"] == 200


def test_content_that_is_not_what_was_declared_is_refused_and_may_be_sent_again(
    power: Agency, exchange_base: RecordBase
) -> None:
    content = usage("a", 20)
    damaged = content.replace(b"12.5", b"99.5", 1)
    upload_id = power.declare(content, "k").json()["upload_id"]
    power.send(upload_id, 0, damaged)
    refused = power.receipt(upload_id)
    assert (refused.status_code, code(refused)) == (422, "wrong-checksum")
    assert power.get(f"/v1/uploads/{upload_id}").json()["state"] == "refused"
    assert kept(exchange_base) == 0
    again = power.declare(content, "k")
    assert (again.status_code, again.json()["offset"]) == (201, 0)
    power.send(again.json()["upload_id"], 0, content)
    assert power.receipt(again.json()["upload_id"]).json()["receipt"]["rows_accepted"] == 20


def test_a_refused_file_leaves_its_key_to_the_corrected_one(power: Agency, exchange_base: RecordBase) -> None:
    wrong = usage("a", 20).replace(b"kwh", b"kwj", 1)
    upload_id = power.upload(wrong, "k")
    refused = power.receipt(upload_id)
    assert (refused.status_code, code(refused)) == (422, "bad-batch")
    assert str(exchange_base.settings.home) not in refused.text
    same = power.declare(wrong, "k")
    assert (same.status_code, same.json()["state"]) == (200, "refused")
    assert power.receipt(power.upload(usage("a", 20), "k")).json()["receipt"]["rows_accepted"] == 20


def test_a_batch_of_which_every_row_is_bad_gets_a_receipt_and_its_rows_back(power: Agency) -> None:
    receipt = power.receipt(power.upload(usage("a", 50, bad=tuple(range(50))), "k")).json()["receipt"]
    assert (receipt["rows_accepted"], receipt["rows_rejected"]) == (0, 50)


def test_who_may_push_and_who_may_read(power: Agency, http: TestClient, exchange_base: RecordBase) -> None:
    content = usage("a", 20, bad=(3,))
    upload_id = power.upload(content, "k")
    batch_id = power.receipt(upload_id).json()["receipt"]["batch_id"]
    clients = Clients(exchange_base.engine)
    others = {role: Agency(http, clients.add(role, role)) for role in ROLES}
    tax = Agency(http, clients.add("tax", "agency", "tax"))
    for stranger in (*others.values(), tax):
        for answer in (stranger.declare(content, "x"), stranger.push(content, "x")):
            assert (answer.status_code, code(answer)) == (403, "not-allowed")
        refused = stranger.send(upload_id, 0, b"x").status_code
        assert refused == (404 if stranger is tax else 403)
        assert stranger.http.delete(f"/v1/uploads/{upload_id}", headers=stranger.headers).status_code == refused
    readers = {"regulator": 200, "platform": 403, "bank": 403, "analyst": 403, "agency": 403}
    for name, reader, status in [("tax", tax, 404), *((one, others[one], readers.get(one, 403)) for one in ROLES)]:
        for path in (f"uploads/{upload_id}", f"uploads/{upload_id}/receipt", f"batches/{batch_id}/receipt"):
            assert reader.get(f"/v1/{path}").status_code == status, (name, path)
        zero = http.post(
            "/v1/nothing-to-report", json={"item": "power.usage", "month": "2025-02"}, headers=reader.headers
        )
        assert zero.status_code == 403
    assert tax.get("/v1/batches").json() == {"batches": [], "next": None}
    assert len(others["regulator"].get("/v1/batches").json()["batches"]) == 1
    assert http.get(f"/v1/uploads/{upload_id}").status_code == 401
    with Session(exchange_base.engine) as session:
        entered = [row.action for row in session.query(AuditRow).order_by(AuditRow.seq)]
    assert {"upload.declare", "upload.complete", "batch.accepted", "receipt.read", "batches.list"} <= set(entered)
    assert {"upload.declare.refused", "batch.push.refused", "receipt.read.refused"} <= set(entered)
    assert verify_trail(exchange_base.engine).sound


@pytest.mark.parametrize(
    ("declared", "status", "expected"),
    [
        ({"item": "no.such"}, 404, "unknown-item"),
        ({"item": "tax.filing"}, 403, "not-allowed"),
        ({"version": 99}, 422, "unknown-version"),
        ({"version": 0}, 422, "bad-request"),
        ({"history": True}, 403, "not-allowed"),
        ({"ending": "exe"}, 422, "bad-request"),
        ({"ending": "../../x.csv"}, 422, "bad-request"),
        ({"size": 0}, 422, "bad-request"),
        ({"size": 1 << 49}, 413, "too-large"),
        ({"sha256": "x"}, 422, "bad-request"),
        ({"batch_key": "../../../etc/passwd"}, 422, "bad-declaration"),
        ({"batch_key": "a\u0000b"}, 422, "bad-declaration"),
        ({"batch_key": "x" * 101}, 422, "bad-request"),
        ({"name": "x.csv"}, 422, "bad-request"),
    ],
)
def test_bad_declarations(power: Agency, declared: dict[str, Any], status: int, expected: str) -> None:
    answer = (
        power.declare(usage("a", 2), "k", **declared)
        if "batch_key" not in declared
        else power.declare(usage("a", 2), **declared)
    )
    assert (answer.status_code, code(answer)) == (status, expected)


@pytest.mark.parametrize("name", ["..%2F..%2Foperations.db", "u-%00", "%2e%2e", "u-" + "0" * 24, "x" * 41])
def test_ids_of_uploads_and_batches_are_never_paths(power: Agency, name: str) -> None:
    for path in (f"/v1/uploads/{name}", f"/v1/uploads/{name}/rejects", f"/v1/batches/{name}/rejects"):
        assert power.get(path).status_code in (404, 405, 422)


def test_what_waits_on_the_disk_holds_no_identity_number(power: Agency, exchange_base: RecordBase) -> None:
    content = usage("a", 200)
    numbers = [line.split(b",")[2] for line in content.splitlines()[1:]]
    upload_id = power.declare(content, "k").json()["upload_id"]
    power.send(upload_id, 0, content[:8000])
    spooled = (exchange_base.settings.home / "spool" / f"{upload_id}.spool").read_bytes()
    assert len(spooled) > 8000
    assert not any(number in spooled or number[:9] in spooled for number in numbers)
    power.send(upload_id, 8000, content[8000:])
    assert power.receipt(upload_id).status_code == 200
    patterns = "\n".join(number.decode() for number in numbers)
    # In a process of its own: closing a file of SQLite's in this one would drop the locks of its open connections.
    for place in (exchange_base.settings.home, *PrivateFiles(exchange_base.settings).places):
        command = ["grep", "-r", "-l", "-a", "-F", "-f", "-", str(place)]
        assert subprocess.run(command, input=patterns, capture_output=True, text=True).stdout == ""


def test_a_spool_that_was_lost_or_damaged_is_noticed(power: Agency, exchange_base: RecordBase) -> None:
    content = usage("a", 200)
    upload_id = power.declare(content, "k").json()["upload_id"]
    power.send(upload_id, 0, content[:5000])
    spool = exchange_base.settings.home / "spool" / f"{upload_id}.spool"
    spool.unlink()
    assert power.get(f"/v1/uploads/{upload_id}").json()["offset"] == 0
    power.send(upload_id, 0, content[:5000])
    stored = bytearray(spool.read_bytes())
    stored[2000] ^= 1
    spool.write_bytes(stored)
    power.send(upload_id, 5000, content[5000:])
    answer = power.receipt(upload_id)
    assert (answer.status_code, code(answer)) == (410, "spool-lost")
    assert power.receipt(power.upload(content, "k")).json()["receipt"]["rows_accepted"] == 200


def test_an_upload_can_be_given_up(power: Agency, exchange_base: RecordBase) -> None:
    content = usage("a", 20)
    upload_id = power.declare(content, "k").json()["upload_id"]
    power.send(upload_id, 0, content[:100])
    url = f"/v1/uploads/{upload_id}"
    assert power.http.delete(url, headers=power.headers).status_code == 204
    assert power.get(url).json()["state"] == "given up"
    assert not list((exchange_base.settings.home / "spool").glob("*.spool"))
    assert code(power.receipt(upload_id)) == "not-receiving"
    assert power.declare(usage("b", 5), "k").status_code == 201
    assert power.http.delete(url, headers=power.headers).status_code == 409


def test_two_senders_of_one_chunk_leave_one_chunk(power: Agency, exchange_base: RecordBase) -> None:
    content = usage("a", 4_000)
    upload_id = power.declare(content, "k").json()["upload_id"]
    answers: list[int] = []
    chunks = {offset: content[offset : offset + 60_000] for offset in range(0, len(content), 60_000)}
    with ThreadPoolExecutor(4) as pool:
        for offset, chunk in chunks.items():
            answers += [
                one.status_code for one in pool.map(lambda _, o=offset, c=chunk: power.send(upload_id, o, c), range(4))
            ]
    assert set(answers) == {202, 204, 409}
    assert power.receipt(upload_id).json()["receipt"]["rows_accepted"] == 4_000


def test_batches_are_listed_page_by_page(power: Agency) -> None:
    sent = [power.push(usage(name, 2), name).json()["receipt"]["batch_id"] for name in "abcde"]
    found, cursor = [], None
    while True:
        page = power.get("/v1/batches", limit=2, **({"cursor": cursor} if cursor else {})).json()
        found += [one["receipt"]["batch_id"] for one in page["batches"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == sent
    assert code(power.get("/v1/batches", cursor="nonsense")) == "bad-declaration"
    assert power.get("/v1/batches", item="no.such").status_code == 404


def test_nothing_to_report_is_said_once_a_month(power: Agency) -> None:
    def say(item: str, month: str) -> httpx.Response:
        return power.http.post("/v1/nothing-to-report", json={"item": item, "month": month}, headers=power.headers)

    assert [say("power.usage", "2025-03").status_code for _ in range(2)] == [201, 200]
    assert code(say("power.usage", "2999-01")) == "bad-request"
    assert code(say("power.usage", "2099-01")) == "bad-moment"
    assert code(say("tax.filing", "2025-03")) == "not-allowed"


@pytest.mark.parametrize("limits", [{"open_most": 2, "queue_most": 1, "spool_bytes_most": 100_000}])
def test_a_source_that_sends_too_much_is_asked_to_come_back(power: Agency) -> None:
    content = usage("a", 20)
    big = power.declare(content, "big", size=200_000)
    uploads = [power.declare(content, key) for key in ("1", "2", "3")]
    assert [answer.status_code for answer in uploads] == [201, 201, 429]
    for answer in (big, uploads[2]):
        assert (answer.status_code, code(answer)) == (429, "too-many")
        assert int(answer.headers["retry-after"]) > 0
    power.send(uploads[0].json()["upload_id"], 0, content)
    assert power.receipt(uploads[0].json()["upload_id"]).status_code == 200
    assert power.declare(content, "3").status_code == 201


@pytest.mark.parametrize("limits", [{"disk_reserve_bytes": 1 << 60}])
def test_a_disk_that_is_nearly_full_refuses_with_507(power: Agency) -> None:
    for answer in (power.declare(usage("a", 2), "k"), power.push(usage("a", 2), "k")):
        assert (answer.status_code, code(answer)) == (507, "storage-full")
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("limits", [{"chunk_bytes_most": 1000}])
def test_a_body_over_the_limit_is_refused(power: Agency) -> None:
    content = usage("a", 100)
    upload_id = power.declare(content, "k").json()["upload_id"]

    def endless() -> Any:
        for _ in range(100):
            yield b"x" * 100

    for body in (content[:1001], endless()):
        answer = power.send(upload_id, 0, body)
        assert (answer.status_code, code(answer)) == (413, "too-large")
    assert power.push(content, "p").status_code == 413
    assert power.send(upload_id, 0, content[:1000]).status_code == 204


@pytest.mark.parametrize("limits", [{"idle_days": 1e-9}])
def test_an_upload_without_progress_expires(exchange_settings: Settings, exchange_base: RecordBase) -> None:
    key = Clients(exchange_base.engine).add("power", "agency", "power")
    app = create_app(exchange_settings)
    power = Agency(TestClient(app), key)
    upload_id = power.declare(usage("a", 20), "k").json()["upload_id"]
    power.send(upload_id, 0, usage("a", 20)[:100])
    app.state.exchange.exchange.uploads.expire()
    assert power.get(f"/v1/uploads/{upload_id}").json()["state"] == "expired"
    assert not list((exchange_settings.home / "spool").glob("*.spool"))
    assert power.declare(usage("b", 20), "k").status_code == 201


@pytest.mark.parametrize("limits", [{"lease_seconds": 0.2}])
def test_the_batch_of_a_worker_that_died_goes_to_another(
    exchange_settings: Settings, exchange_base: RecordBase
) -> None:
    key = Clients(exchange_base.engine).add("power", "agency", "power")
    app = create_app(exchange_settings)
    power = Agency(TestClient(app), key)
    upload_id = power.upload(usage("a", 20), "k")
    queue = app.state.exchange.exchange.queue
    assert queue.claim("one that dies").upload_id == upload_id
    assert queue.claim("another") is None
    with TestClient(app):
        assert power.receipt(upload_id).json()["receipt"]["rows_accepted"] == 20


def test_the_exchange_on_postgresql(tmp_path: Path, postgres: str) -> None:
    base = RecordBase.open(Settings(home=tmp_path / "home", database_url=postgres))
    clients = Clients(base.engine)
    keys = clients.add("power", "agency", "power"), clients.add("regulator", "regulator")
    content = usage("a", 40)
    try:
        with TestClient(create_app(base.settings)) as http:
            power, regulator = (Agency(http, key) for key in keys)
            assert power.receipt(power.upload(content, "a", chunk=1000)).json()["receipt"]["rows_accepted"] == 40
            assert power.declare(content, "a").json()["state"] == "accepted"
            assert code(power.declare(usage("b", 3), "a")) == "batch-key-taken"
            assert power.push(usage("b", 3), "b").status_code == 201
            page = regulator.get("/v1/batches", limit=1).json()
            assert page["next"]
            assert len(regulator.get("/v1/batches", cursor=page["next"]).json()["batches"]) == 1
        assert kept(base) == 43
        assert verify_trail(base.engine).sound
    finally:
        migrate(base.engine, "base")
