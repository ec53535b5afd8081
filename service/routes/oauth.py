"""``/v1/oauth/token``: a short-lived token for a client's key (RFC 6749, 4.4 and 5.2)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from records.errors import NotAuthenticated
from records.words import Text
from scoring.audit import record
from service.security.asking import bound_to_certificate, limit
from service.security.certificates import certificate_of
from service.security.tokens import BadScope, Token

router = APIRouter(prefix="/v1/oauth", tags=["access"])
FORM = "application/x-www-form-urlencoded"
FIELDS = ("grant_type", "client_id", "client_secret", "scope")
Wrong = Literal["invalid_request", "invalid_client", "unsupported_grant_type", "invalid_scope"]


class TokenAnswer(BaseModel):
    """A token: give it as ``Authorization: Bearer ...``."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class TokenProblem(BaseModel):
    """RFC 6749, 5.2; ``zh`` says the same in Chinese."""

    error: str
    error_description: str
    zh: str


class _Refused(Exception):
    def __init__(self, error: Wrong, text: Text) -> None:
        super().__init__(error)
        self.error: Wrong = error
        self.text = text


def _document() -> dict[str, Any]:
    fields = {name: {"type": "string", "maxLength": 2000} for name in FIELDS}
    fields["grant_type"] = {"type": "string", "enum": ["client_credentials"]}
    schema = {
        "type": "object",
        "properties": fields,
        "required": ["grant_type"],
        "examples": [
            {
                "grant_type": "client_credentials",
                "client_id": "c-0123456789ab",
                "client_secret": "hx_...",
                "scope": "score read",
            }
        ],
    }
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}, "security": []}


@router.post(
    "/token",
    summary="领取令牌 / get a token",
    response_model=TokenAnswer,
    responses={
        status: {"model": TokenProblem, "description": words}
        for status, words in {
            400: "请求有误 / bad request",
            401: "密钥有误 / wrong secret",
        }.items()
    },
    openapi_extra=_document(),
)
async def token(request: Request) -> Any:
    """以 client_id 与 client_secret（即密钥）领取短期令牌；scope 为动作名，以空格分隔，默认全部。

    A short-lived token for ``client_id`` and ``client_secret`` (the key), by HTTP Basic or in the form; ``scope``:
    names of actions with spaces between, default all that the role may do.
    """
    body = await request.body()
    try:
        given = await run_in_threadpool(_token, request, body)
    except _Refused as refused:
        return _problem(refused)
    answer = {
        "access_token": given.value,
        "token_type": "Bearer",
        "expires_in": given.seconds,
        "scope": given.scope,
    }
    return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


def _token(request: Request, body: bytes) -> Token:
    state = request.app.state
    form = _form(request, body)
    client_id, secret = _credentials(request, form)
    if form.get("grant_type") != "client_credentials":
        raise _Refused(
            "unsupported_grant_type", Text("grant_type 须为 client_credentials", "grant_type is client_credentials")
        )
    certificate = certificate_of(request, state.base.settings.access)
    try:
        client = state.clients.authenticate(secret)
        bound_to_certificate(client, certificate)
        if client.client_id != client_id:
            raise NotAuthenticated(Text("", ""))
        limit(request, client)
        found: Token = state.tokens.issue(client, form.get("scope"), certificate)
    except NotAuthenticated as error:
        text = Text("client_id 或 client_secret 有误", "client_id or client_secret is wrong")
        raise _Refused("invalid_client", text) from error
    except BadScope as error:
        raise _Refused("invalid_scope", error.text) from error
    payload = {"token_id": found.token_id, "scope": found.scope, "bound": certificate is not None}
    record(state.base.engine, client.client_id, "token", payload=payload)
    return found


def _form(request: Request, body: bytes) -> dict[str, str]:
    bad = _Refused("invalid_request", Text(f"请求体须为 {FORM}，每项一次", f"a body of {FORM}, each field once"))
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise bad
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=10
        )
    except ValueError as error:
        raise bad from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise bad
    return dict(pairs)


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret, by Basic or in the form, but not both (RFC 6749, 2.3)."""
    header = request.headers.get("authorization")
    if header is None:
        return form.get("client_id", ""), form.get("client_secret", "")
    bad = _Refused("invalid_client", Text("Authorization 须为 Basic", "give client_id and client_secret by Basic"))
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic" or "client_secret" in form:
        raise bad
    try:
        name, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise bad from error
    if not colon or form.get("client_id", unquote_plus(name)) != unquote_plus(name):
        raise bad
    return unquote_plus(name), unquote_plus(secret)


def _problem(refused: _Refused) -> JSONResponse:
    status = 401 if refused.error == "invalid_client" else 400
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": 'Basic realm="huixin"'} if status == 401 else {})
    content = {"error": refused.error, "error_description": refused.text.en, "zh": refused.text.zh}
    return JSONResponse(content, status, headers)
