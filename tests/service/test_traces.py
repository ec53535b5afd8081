"""Requests are traced where that is wanted: by route, never by whom was asked about; nothing waits for a collector."""

from __future__ import annotations

import time
from itertools import chain
from typing import Any

from fastapi.testclient import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from features.online import OnlineFeatures
from huixin.serving import free_port
from records.base import RecordBase
from records.settings import Settings
from service.app import create_app
from service.security import Clients
from tests.service.receiver import Receiver, receiving

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_score_is_traced_with_its_parts(trained_settings: Settings) -> None:
    base = RecordBase.open(trained_settings)
    key = Clients(base.engine).add("traced", "bank")
    OnlineFeatures(base, "enterprise").refresh()
    subject = str(base.subjects("enterprise")["subject_id"][0])
    asked = {"subject": subject, "purpose": "review", "reasons": 3}
    with receiving() as collector:
        settings = trained_settings.model_copy(update={"traces_url": collector.url})
        with TestClient(create_app(settings), raise_server_exceptions=False) as client:
            called = {"X-API-Key": key, "traceparent": f"00-{TRACE}-{CALLER}-01"}
            for _ in range(2):  # the second goes the short way
                assert client.post("/v1/scores", json=asked, headers=called).status_code == 200
            assert client.get(f"/v1/subjects/{subject}/nothing", headers={"X-API-Key": key}).status_code == 404
        spans = sent(collector)
        told = b"".join(body for _, body in collector.got)
    requests = [one for one in spans if one["name"] == "POST /v1/scores"]
    assert [one["trace"] for one in requests] == [TRACE, TRACE]
    assert {one["parent"] for one in requests} == {CALLER}
    assert {one["http.response.status_code"] for one in requests} == {200}
    for request in requests:
        parts = {one["name"] for one in spans if one["parent"] == request["id"]}
        assert parts >= {"score rate", "score store"}
    assert any(one.get("http.response.status_code") == 404 for one in spans)
    assert subject.encode() not in told
    assert key.encode() not in told


def test_nothing_is_traced_where_a_caller_does_not_want_it(trained_settings: Settings) -> None:
    with receiving() as collector:
        settings = trained_settings.model_copy(update={"traces_url": collector.url})
        with TestClient(create_app(settings)) as client:
            client.get("/healthz", headers={"traceparent": f"00-{TRACE}-{CALLER}-00"})
        assert sent(collector) == []


def test_a_collector_that_is_away_holds_up_nobody(trained_settings: Settings) -> None:
    away = f"http://127.0.0.1:{free_port()}/v1/traces"
    with TestClient(create_app(trained_settings.model_copy(update={"traces_url": away}))) as client:
        for _ in range(20):
            assert client.get("/healthz").status_code == 200
        began = time.monotonic()
    assert time.monotonic() - began < 20


def sent(collector: Receiver) -> list[dict[str, Any]]:
    found = []
    for _, body in collector.got:
        resources = ExportTraceServiceRequest.FromString(body).resource_spans
        for span in chain.from_iterable(scope.spans for one in resources for scope in one.scope_spans):
            attributes = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
            own = {"name": span.name, "trace": span.trace_id.hex(), "id": span.span_id.hex()}
            found.append(own | {"parent": span.parent_span_id.hex()} | attributes)
    return found
