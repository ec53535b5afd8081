"""The Python client says what the OpenAPI document says, and handles tokens, retries and problems."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

import huixin_client
from huixin.client_code import client_code
from huixin_client import HuixinClient, Problem, caller
from records.base import RecordBase
from service.app import create_app
from service.security import Clients

FOLDER = Path(huixin_client.__file__).parent


def client_of(answer: Callable[[httpx.Request], httpx.Response], **more: Any) -> HuixinClient:
    return HuixinClient("http://huixin.test", transport=httpx.MockTransport(answer), **more)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, not waited for."""
    slept: list[float] = []
    monkeypatch.setattr(caller, "time", SimpleNamespace(sleep=slept.append, monotonic=time.monotonic))
    return slept


def test_every_operation_and_field_of_the_document_is_in_the_client(base: RecordBase) -> None:
    for name, code in client_code(create_app(base.settings).openapi()).items():
        mend = f"huixin_client/{name} is not what the service says: run python -m huixin.client_code"
        assert (FOLDER / name).read_text(encoding="utf-8") == code, mend


def test_the_client_asks_a_service(base: RecordBase) -> None:
    key = Clients(base.engine).add("one", "analyst")
    with TestClient(create_app(base.settings)) as http:
        with HuixinClient("http://testserver", key, transport=http._transport) as client:
            assert client.models.models() == []
            assert b"<html" in client.catalogue.page()
            with pytest.raises(Problem) as refused:
                client.scores.stored("s-1")
        assert (refused.value.status, refused.value.type) == (403, "urn:huixin:problem:not-allowed")
        assert refused.value.request_id
        with pytest.raises(Problem, match="a valid key"):
            HuixinClient("http://testserver", language="en", transport=http._transport).models.models()


def test_busy_answers_are_tried_again_as_long_as_told(waits: list[float]) -> None:
    busy = iter([httpx.Response(503, headers={"Retry-After": "5"}), httpx.Response(429), httpx.Response(200, json=[])])
    client = client_of(lambda _: next(busy))
    assert client.models.models() == []
    assert waits[0] == 5.0
    assert 0.4 <= waits[1] <= 0.6


def test_lines_of_json_are_bytes() -> None:
    told = {"Content-Type": "application/x-ndjson"}
    client = client_of(lambda _: httpx.Response(200, content=b'{"a":1}\n{"a":2}\n', headers=told))
    assert client.jobs.result("j-1").splitlines() == [b'{"a":1}', b'{"a":2}']


def test_changes_are_not_sent_twice_by_chance(waits: list[float]) -> None:
    client = client_of(lambda _: httpx.Response(503, json={"title": "busy"}))
    with pytest.raises(Problem, match="503 busy"):
        client._caller.call("POST", "/v1/x")
    assert waits == []
    with pytest.raises(Problem):
        client._caller.call("POST", "/v1/x", headers={"Idempotency-Key": caller.new_key()})
    assert len(waits) == 3


def test_lost_connections_are_tried_again_for_reads_only() -> None:
    asked: list[str] = []

    def lost(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        raise httpx.ReadError("gone")

    client = client_of(lost)
    for method in ("GET", "POST"):
        with pytest.raises(httpx.ReadError):
            client._caller.call(method, "/v1/x")
    assert asked == ["GET"] * 4 + ["POST"]


def test_tokens_are_had_once_and_renewed_when_refused() -> None:
    seen: list[str] = []
    good = iter(["t1", "t2"])

    def service(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.url.path} {request.headers.get('authorization', '')}".strip())
        if request.url.path == caller.TOKEN_PATH:
            assert b"client_secret=hx_key" in request.content
            return httpx.Response(200, json={"access_token": next(good), "expires_in": 900})
        late = len(seen) == 4 and request.headers["authorization"] == "Bearer t1"
        return httpx.Response(401 if late else 200, json=[])

    client = client_of(service, key="hx_key", client_id="c-1")
    for _ in range(3):
        client.models.models()
    token, asked = caller.TOKEN_PATH, "/v1/models Bearer "
    assert seen == [token, f"{asked}t1", f"{asked}t1", f"{asked}t1", token, f"{asked}t2"]


def test_what_stands_in_an_address_is_quoted_and_what_is_none_is_not_sent() -> None:
    asked: list[str] = []

    def service(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(304 if len(asked) > 1 else 200, json={})

    client = client_of(service)
    client.scores.explanation("a/b?c")
    client.scores.given(subject="0" * 32, from_="2025-01-01")
    assert asked == ["/v1/scores/a%2Fb%3Fc/explanation", f"/v1/scores?subject={'0' * 32}&from=2025-01-01"]
