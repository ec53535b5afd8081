"""Agencies that push: their keys, their files, and the steps of an upload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from records.base import RecordBase
from records.exchange.limits import ExchangeLimits
from records.settings import Settings
from service.app import create_app
from service.security import Clients


@dataclass
class Agency:
    """A source's sender: one HTTP client and one key."""

    http: httpx.Client
    key: str
    item: str = "power.usage"
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"X-API-Key": self.key, "Accept-Language": "en"}

    def declare(self, content: bytes, batch_key: str, **more: Any) -> httpx.Response:
        declared = {
            "item": self.item,
            "batch_key": batch_key,
            "ending": "csv",
            "size": len(content),
            "sha256": sha256(content).hexdigest(),
        }
        return self.http.post("/v1/uploads", json=declared | more, headers=self.headers)

    def send(self, upload_id: str, offset: int, chunk: bytes, **headers: str) -> httpx.Response:
        told = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return self.http.patch(f"/v1/uploads/{upload_id}", content=chunk, headers=self.headers | told | headers)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(path, params=query, headers=self.headers)

    def receipt(self, upload_id: str) -> httpx.Response:
        return self.get(f"/v1/uploads/{upload_id}/receipt", wait=30)

    def push(self, content: bytes, batch_key: str, **query: Any) -> httpx.Response:
        asked = {"item": self.item, "batch_key": batch_key, "ending": "csv"} | query
        return self.http.post("/v1/batches", params=asked, content=content, headers=self.headers)

    def upload(self, content: bytes, batch_key: str, chunk: int = 1 << 20, **more: Any) -> str:
        """Declare and send everything; returns the upload's id."""
        upload_id: str = self.declare(content, batch_key, **more).json()["upload_id"]
        for offset in range(0, len(content), chunk):
            assert self.send(upload_id, offset, content[offset : offset + chunk]).status_code in (202, 204)
        return upload_id


@pytest.fixture
def limits() -> dict[str, Any]:
    """Limits that a test narrows, by parametrizing this fixture."""
    return {}


@pytest.fixture
def exchange_settings(tmp_path: Path, limits: dict[str, Any]) -> Settings:
    return Settings(home=tmp_path / "home", exchange=ExchangeLimits(**limits))


@pytest.fixture
def exchange_base(exchange_settings: Settings) -> RecordBase:
    return RecordBase.open(exchange_settings)


@pytest.fixture
def http(exchange_base: RecordBase) -> Iterator[TestClient]:
    with TestClient(create_app(exchange_base.settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def power(http: TestClient, exchange_base: RecordBase) -> Agency:
    return Agency(http, Clients(exchange_base.engine).add("power", "agency", "power"))
