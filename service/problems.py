"""Errors over HTTP: RFC 9457 problem details, in both languages, never echoing what was sent."""

from __future__ import annotations

import re
import secrets
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from records.errors import HuixinError
from records.exchange.errors import ExchangeError
from records.words import Text
from service.logs import HIDDEN, NUMBER

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()
# Parts of at most 12 characters, such as a UUID, or a trace id of W3C Trace Context: no place for an identity number.
OWN_ID = re.compile(r"[A-Za-z0-9]{1,12}(?:[._-][A-Za-z0-9]{1,12}){0,7}|[0-9a-f]{32}|r-[0-9a-f]{16}")
FIELD = re.compile(r"(?!.*[0-9]{6})[A-Za-z_][A-Za-z0-9_.\[\]-]{0,40}")
HTTP_TITLES = {
    404: Text("没有此资源", "No such resource"),
    405: Text("不支持此方法", "Method not allowed"),
    413: Text("请求过大", "Request too large"),
}


class Problem(BaseModel):
    """RFC 9457 problem details; ``zh`` and ``en`` carry title and detail in each language."""

    type: str
    title: str
    status: int
    detail: str
    zh: dict[str, str]
    en: dict[str, str]
    request_id: str
    errors: list[dict[str, Any]] | None = None


def problem(
    request: Request,
    code: str,
    status: int,
    title: Text,
    detail: Text,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """A problem response; the reader's language by Accept-Language, Chinese first."""
    detail = Text(NUMBER.sub(HIDDEN, detail.zh), NUMBER.sub(HIDDEN, detail.en))  # what was sent may be in it
    language = "en" if request.headers.get("accept-language", "zh").lower().startswith("en") else "zh"
    content = Problem(
        type=f"urn:huixin:problem:{code}",
        title=title.in_language("en" if language == "en" else "zh"),
        status=status,
        detail=detail.in_language("en" if language == "en" else "zh"),
        zh={"title": title.zh, "detail": detail.zh},
        en={"title": title.en, "detail": detail.en},
        request_id=getattr(request.state, "request_id", ""),
        errors=errors,
    )
    told = {"WWW-Authenticate": 'Bearer realm="huixin", ApiKey'} if status == 401 else {}
    return JSONResponse(
        content.model_dump(exclude_none=True), status, media_type=MEDIA_TYPE, headers=told | (headers or {})
    )


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem."""

    @app.exception_handler(HuixinError)
    def _huixin(request: Request, error: HuixinError) -> JSONResponse:
        return problem(request, error.code, error.status, error.title, error.text, headers=_headers(error))

    @app.exception_handler(OperationalError)
    @app.exception_handler(PoolTimeout)
    def _busy(request: Request, error: Exception) -> JSONResponse:
        log.error("database", kind=type(error).__name__, request_id=getattr(request.state, "request_id", ""))
        title = Text("数据库暂不可用", "The database cannot answer now")
        detail = Text("请求未生效，请稍后重试", "nothing was changed; try again shortly")
        return problem(request, "busy", 503, title, detail, headers={"Retry-After": "5"})

    @app.exception_handler(RequestValidationError)
    def _validation(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [{"where": ".".join(map(_place, one["loc"])), "what": one["type"]} for one in error.errors()]
        where = ", ".join(sorted({one["where"] for one in errors}))[:300]
        detail = Text(f"请求内容不符合接口文档：{where}", f"the request does not fit the API document at: {where}")
        return problem(request, "bad-request", 422, Text("请求内容有误", "Bad request content"), detail, errors)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, ClientDisconnect):
            return _cut_off(request)
        title = HTTP_TITLES.get(error.status_code, Text("请求有误", "Bad request"))
        answer = problem(request, f"http-{error.status_code}", error.status_code, title, title)
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer

    @app.exception_handler(ClientDisconnect)
    def _gone(request: Request, error: ClientDisconnect) -> JSONResponse:
        """Who hung up in mid-request hears nothing any more; who was too slow does."""
        return _cut_off(request)

    @app.exception_handler(Exception)
    def _unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("unexpected", kind=type(error).__name__, request_id=getattr(request.state, "request_id", ""))
        title = Text("服务内部错误", "Internal error")
        detail = Text("请求未生效；请附上 request_id 报告", "nothing was changed; please report it with the request_id")
        return problem(request, "internal", 500, title, detail)


def _place(part: int | str) -> str:
    """A part of where an error is; the name of a field that nobody knows may hold anything, and is not said again."""
    return str(part) if isinstance(part, int) or FIELD.fullmatch(part) else "?"


def _cut_off(request: Request) -> JSONResponse:
    if getattr(request.state, "too_slow", False):
        title = Text("请求体到达过慢", "The body came too slowly")
        return problem(request, "too-slow", 408, title, title, headers={"Connection": "close"})
    title = Text("请求中断", "The request was cut off")
    return problem(request, "cut-off", 400, title, title)


def _headers(error: HuixinError) -> dict[str, str]:
    """How long to wait, and from where to go on, where the error knows."""
    if not isinstance(error, ExchangeError):
        wait = getattr(error, "retry_after", 60 if error.status == 507 else None)
        return {} if wait is None else {"Retry-After": str(wait)}
    found = {"Retry-After": error.retry_after, "Upload-Offset": error.offset}
    headers = {name: str(value) for name, value in found.items() if value is not None}
    return headers | ({"Connection": "close"} if error.status in (408, 413) else {})


def request_id(given: str | None = None) -> str:
    """The caller's own id, where it looks like one and not like an identity number; else a new one."""
    return given if given is not None and OWN_ID.fullmatch(given) else f"r-{secrets.token_hex(8)}"


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words, "content": {MEDIA_TYPE: {}}}
    for status, words in {
        401: "未通过身份验证 / not authenticated",
        403: "无权 / not allowed",
        404: "没有 / not found",
        429: "请求过多 / too many requests",
        422: "内容有误 / bad content",
        503: "尚不可用 / not available yet",
    }.items()
}
