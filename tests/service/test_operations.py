"""Whoever runs the service can see what it lacks and what waits, and can stop it without losing a request."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi.testclient import TestClient

from huixin.serving import free_port
from records.base import RecordBase
from records.database import writing
from records.settings import Settings
from service.app import create_app
from service.logs import endure
from service.security import Clients

CITIZEN, ENTERPRISE, SUBJECT = "11010519491231002X", "91110000600037341L", "0123456789abcdef" * 2


@pytest.fixture
def served(base: RecordBase) -> TestClient:
    return TestClient(create_app(base.settings), raise_server_exceptions=False)


def test_readiness_names_what_is_missing(served: TestClient, base: RecordBase, monkeypatch: pytest.MonkeyPatch) -> None:
    def checks() -> dict[str, str]:
        answer = served.get("/readyz")
        assert answer.status_code == 503  # no champion in any case
        assert str(base.settings.home) not in answer.text
        return {name: one["status"] for name, one in answer.json()["checks"].items()}

    assert checks() == {"database": "ok", "migrations": "ok", "models": "missing", "disk": "ok"}
    for free, status in ((200 << 20, "warning"), (1 << 20, "missing")):
        monkeypatch.setattr("service.readiness.free_bytes", lambda _, free=free: free)
        assert checks()["disk"] == status
    for revision, status in (("0003", "missing"), ("9999", "warning")):
        with writing(base.engine) as session:
            session.connection().exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
        assert checks()["migrations"] == status
    with writing(base.engine) as session:
        session.connection().exec_driver_sql("DROP TABLE alembic_version")
    assert checks()["database"] == "missing"


def test_metrics_know_routes_and_queues_and_no_subject(served: TestClient) -> None:
    served.get(f"/v1/subjects/{SUBJECT}/file")
    served.get("/healthz")
    told = served.get("/metrics").text
    assert SUBJECT not in told
    assert re.search(r'huixin_requests_total\{method="GET",route="/healthz",status="200"\} [1-9]', told)
    for line in ("huixin_database_up 1.0", 'huixin_jobs{state="queued"} 0.0', 'huixin_uploads{state="queued"} 0.0'):
        assert line in told
    assert 'huixin_webhook_deliveries{state="dead"} 0.0' in told
    for name in ("huixin_disk_free_bytes", "huixin_score_queue", "huixin_score_group_bucket", "huixin_score_commit"):
        assert name in told


def test_an_error_nobody_foresaw_is_counted_and_logged_with_its_request(
    served: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"about {CITIZEN}")

    monkeypatch.setattr("service.routes.health.readiness", broken)
    answer = served.get("/readyz")
    assert answer.status_code == 500
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    found = next(line for line in lines if line["event"] == "request")
    assert (found["route"], found["status"], found["level"]) == ("/readyz", 500, "error")
    assert found["request_id"] == answer.json()["request_id"]
    assert 'route="/readyz",status="500"' in served.get("/metrics").text


def test_no_log_line_holds_a_number_or_a_subject(capsys: pytest.CaptureFixture[str]) -> None:
    endure()
    try:
        raise ValueError(f"{ENTERPRISE} is odd")
    except ValueError:
        structlog.get_logger().error(f"for {CITIZEN}", who=SUBJECT, all=[{"n": int(CITIZEN[:17] + "0")}], exc_info=True)
    line = capsys.readouterr().out
    assert not any(one in line for one in (CITIZEN, CITIZEN[:17], ENTERPRISE, SUBJECT))
    assert {"level", "timestamp", "event", "exception"} <= json.loads(line).keys()


def test_a_batch_under_way_is_taken_before_the_service_stops_and_workers_share_their_counters(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    key = Clients(RecordBase.open(settings).engine).add("power", "agency", "power")
    port = free_port()
    command = [sys.executable, "-m", "huixin.cli", "serve", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(
        command, env=os.environ | {"HUIXIN_HOME": str(settings.home)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        _alive(port)
        counts = {_count(port) for _ in range(8)}
        assert len(counts) == 8  # each scrape sees all those before it, whichever worker answers
        body = b"record_id,uscc,period,kwh\n"
        with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            target = "/v1/batches?item=power.usage&batch_key=last&ending=csv"
            head = f"POST {target} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
            line.sendall(head.encode() + body[:5])
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            line.sendall(body[5:])
            answer = line.recv(1 << 16).decode()
        assert re.match(r"HTTP/1.1 (201|422) ", answer), answer
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def _alive(port: int) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError


def _count(port: int) -> float:
    told = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found = re.search(r'huixin_requests_total\{method="GET",route="/metrics",status="200"\} ([0-9.]+)', told)
    return float(found.group(1)) if found else 0.0
