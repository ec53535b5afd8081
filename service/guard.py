"""What every request passes: a request id, a body limit, security headers, a count without what was asked about."""

from __future__ import annotations

import asyncio
import time

import structlog
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from records.words import Text
from service import problems
from service.exchange import body_limit
from service.logs import REQUEST_ID
from service.metrics import observe
from service.traces import Traces

log = structlog.get_logger()
MAXIMUM_BODY = 64 * 1024
BODY_SECONDS = 30.0
LISTS = {"POST /v1/scores/batch": 1 << 20, "POST /v1/jobs": 1 << 20}  # of subjects
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'"
    ),
}
RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class Guard:
    """ASGI middleware around the whole service; plain ASGI, since each score passes it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, headers, status = time.perf_counter(), scope["headers"], 500
        request_id = problems.request_id(_header(headers, b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        REQUEST_ID.set(request_id)
        traces: Traces | None = scope["app"].state.traces
        span = None if traces is None else traces.begin(scope)

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(scope, message, request_id)
            await send(message)

        try:
            if (most := _exceeded(scope, headers)) is not None:
                await _too_large(Request(scope), most)(scope, receive, sent)
            else:
                await self.app(scope, _in_time(scope, receive), sent)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            _finished(scope, route, status, time.perf_counter() - started)
            if traces is not None and span is not None:
                traces.end(span, route, scope["method"], status, request_id)


def _in_time(scope: Scope, receive: Receive) -> Receive:
    """``receive`` until the body is whole, which has ``BODY_SECONDS``; then whoever sends it has as good as hung up.

    Bodies of the exchange have bounds of their own.
    """
    if (_header(scope["headers"], b"content-length") or "0") == "0":
        return receive
    if scope["path"] != "/v1/scores" and body_limit(Request(scope)) is not None:
        return receive
    until, whole = time.monotonic() + BODY_SECONDS, False

    async def received() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout(until - time.monotonic()):
                message = await receive()
        except TimeoutError:
            scope["state"]["too_slow"] = True
            return {"type": "http.disconnect"}
        whole = not message.get("more_body", False)
        return message

    return received


def _finished(scope: Scope, route: str, status: int, seconds: float) -> None:
    """Count the request, and log it where that is wanted: under its route's template, never under what was asked."""
    observe(route, scope["method"], status, seconds)
    wanted = scope["app"].state.base.settings.log_requests
    if wanted == "all" or (wanted == "failed" and status >= 500):
        told = {"route": route, "method": scope["method"], "status": status, "ms": round(seconds * 1000, 1)}
        (log.error if status >= 500 else log.info)("request", **told)


def _too_large(request: Request, most: int) -> ASGIApp:
    title = Text("请求过大", "Request too large")
    detail = Text(
        f"请求体至多 {most} 字节，并须给出长度",
        f"a body of known length, at most {most} bytes, is accepted",
    )
    return problems.problem(request, "too-large", 413, title, detail)


def _dress(scope: Scope, message: Message, request_id: str) -> None:
    headers = message.setdefault("headers", [])
    kept = scope["path"].startswith("/static") or _header(headers, b"cache-control") is not None
    headers += (*RAW_HEADERS, (b"x-request-id", request_id.encode()))
    for name, value in scope["state"].get("limit_headers", {}).items():
        headers.append((name.lower().encode(), value.encode()))
    if not kept:
        headers.append((b"cache-control", b"no-store"))


def _exceeded(scope: Scope, headers: list[tuple[bytes, bytes]]) -> int | None:
    """The most bytes that a body may have, where this one says that it has more, or does not say."""
    length, chunked = "0", False
    for name, value in headers:
        if name == b"content-length":
            length = value.decode("latin-1")
        elif name == b"transfer-encoding":
            chunked = b"chunked" in value
    counted = None if scope["path"] == "/v1/scores" else body_limit(Request(scope))
    most = counted or LISTS.get(f"{scope['method']} {scope['path']}", MAXIMUM_BODY)
    return most if (chunked and counted is None) or not length.isdecimal() or int(length) > most else None


def _header(headers: list[tuple[bytes, bytes]], wanted: bytes) -> str | None:
    """The first header of this name, where there is one."""
    for name, value in headers:
        if name == wanted:
            return value.decode("latin-1")
    return None
