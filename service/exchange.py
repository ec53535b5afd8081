"""The exchange inside the service: its worker lives as long as the service, its bodies come with bounds."""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import anyio
from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from sqlalchemy.orm import Session

from records.base import RecordBase
from records.errors import HuixinError, NotAllowed
from records.exchange.errors import (
    NotReceiving,
    TooLarge,
    TooMany,
    TooSlow,
    UploadBusy,
    WrongDigest,
    WrongOffset,
)
from records.exchange.hub import Exchange
from records.exchange.limits import ExchangeLimits
from records.exchange.uploads import Sender
from records.exchange.worker import UploadWorker
from records.words import Text
from scoring.audit import enter, record
from service.security import Client, allow

BIG_BODIES = re.compile(r"PATCH /v1/uploads/[^/]+|POST /v1/batches")
NOT_ENTERED = (WrongOffset, NotReceiving, UploadBusy, TooMany, TooSlow)
DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{44}):")


@dataclass
class ExchangeService:
    """The exchange, the worker of this process, and how many bodies it is holding in memory."""

    exchange: Exchange
    worker: UploadWorker
    door: CapacityLimiter
    bodies: int = 0


def open_exchange(base: RecordBase) -> ExchangeService:
    exchange = Exchange(base, _enter)
    return ExchangeService(exchange, UploadWorker(exchange), CapacityLimiter(base.settings.exchange.pushes_most))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The worker starts with the service and ends with it."""
    import pandera.polars  # noqa: F401  (while it is imported it breaks typing for other threads: here are none yet)

    worker: UploadWorker = app.state.exchange.worker
    worker.start()
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(worker.stop)


def body_limit(request: Request) -> int | None:
    """The largest body that a request of the exchange may have; ``None`` for any other request."""
    if not BIG_BODIES.fullmatch(f"{request.method} {request.url.path}"):
        return None
    found: ExchangeService = request.app.state.exchange
    return found.exchange.base.settings.exchange.chunk_bytes_most


@asynccontextmanager
async def body_of(request: Request) -> AsyncIterator[bytes]:
    """The whole body, counted among those in memory for as long as it is used.

    Raises ``TooLarge``, ``TooSlow``, ``TooMany`` (too many at once) or ``WrongDigest`` (RFC 9530). A connection that
    drops raises ``ClientDisconnect``: nobody is there to be told.
    """
    service: ExchangeService = request.app.state.exchange
    limits = service.exchange.base.settings.exchange
    if service.bodies >= limits.bodies_most:
        raise TooMany(Text("同时上传过多", "too many bodies are coming in at once"), 1)
    service.bodies += 1
    try:
        content = await _read(request, limits)
        _check_digest(request.headers.get("content-digest"), content)
        yield content
    finally:
        service.bodies -= 1


async def _read(request: Request, limits: ExchangeLimits) -> bytes:
    body = bytearray()
    try:
        with anyio.fail_after(limits.body_seconds):
            async for some in request.stream():
                body += some
                if len(body) > limits.chunk_bytes_most:
                    most = limits.chunk_bytes_most
                    raise TooLarge(Text(f"每次请求至多 {most} 字节", f"a request carries at most {most} bytes"))
    except TimeoutError as error:
        seconds = limits.body_seconds
        raise TooSlow(Text(f"请求体须在 {seconds:g} 秒内到齐", f"a body comes within {seconds:g} seconds")) from error
    return bytes(body)


def sender_of(client: Client) -> Sender:
    """For which source a client sends. Raises ``NotAllowed``."""
    allow(client, "push")
    if client.source is None:
        raise NotAllowed(
            Text("此密钥未绑定来源，不能报送", "this key belongs to no source, so it cannot send; ask the operator")
        )
    return Sender(client.client_id, client.source)


def sending(request: Request, client: Client, action: str) -> Sender:
    """``sender_of``, with its refusal in the audit trail: asked before a body is read."""
    with entered(request, client, action):
        return sender_of(client)


def reader_of(client: Client) -> str | None:
    """Whose receipts a client may read: its own source's, or everyone's (``None``). Raises ``NotAllowed``."""
    allow(client, "receipts")
    return None if client.role == "regulator" else sender_of(client).source


@contextmanager
def entered(request: Request, client: Client, action: str) -> Iterator[None]:
    """Enter a refusal into the audit trail; what only asks to come back or to go on elsewhere is none."""
    try:
        yield
    except NOT_ENTERED:
        raise
    except HuixinError as error:
        engine = request.app.state.base.engine
        record(engine, client.client_id, f"{action}.refused", payload={"reason": error.code})
        raise


def look(request: Request, client: Client, action: str, **payload: Any) -> None:
    """Enter a look into the audit trail."""
    record(request.app.state.base.engine, client.client_id, action, payload=payload)


def _check_digest(header: str | None, content: bytes) -> None:
    if header is None:
        return
    found = DIGEST.search(header)
    if found is None or not hmac.compare_digest(found.group(1), b64encode(sha256(content).digest()).decode()):
        raise WrongDigest(
            Text(
                "Content-Digest 与内容不符；格式为 sha-256=:Base64:",
                "the Content-Digest does not fit the content; sha-256=:base64: is accepted (RFC 9530)",
            )
        )


def _enter(session: Session, actor: str, action: str, payload: dict[str, Any]) -> None:
    enter(session, actor, action, payload=payload)
