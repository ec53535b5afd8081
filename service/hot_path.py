"""``POST /v1/scores`` of clients that are known already, past routing and request objects; all else goes the long way.

The long way is ``service.routes.scores.score``, which answers every case and tells every error. Here the usual case is
answered alike: a key that was recognised before, one JSON body, no idempotency key, no certificate, no daily quota. An
error is handed to the long way, which raises it where the handlers of errors look.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from records.errors import HuixinError
from service.routes.scores import FAILED, HOT, JSON, ScoreRequest, invalid, question_of
from service.security import Client, allow

JSON_TYPE = b"application/json"
OTHER_WAYS = frozenset({b"authorization", b"idempotency-key", b"transfer-encoding", b"expect"})


class HotPath:
    """ASGI middleware, inside of ``service.guard.Guard``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/v1/scores" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        state = scope["app"].state
        client, proof = _known(scope, state)
        if client is None:
            await self.app(scope, receive, send)
            return
        try:
            scope["state"]["limit_headers"] = state.limits.take(client)
            asked = _read(await _body(receive))
            answer: bytes = await state.groups.score(question_of(state, client, proof, asked))
        except Exception as error:  # whatever it is: the long way tells it
            scope[FAILED] = error
            await self.app(scope, receive, send)
            return
        scope["route"] = HOT
        headers = [(b"content-length", b"%d" % len(answer)), (b"content-type", JSON_TYPE)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def _known(scope: Scope, state: Any) -> tuple[Client | None, str | None]:
    """The client of a request that can go the short way, and its key's hash."""
    key: bytes | None = None
    json = False
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            if key is not None:
                return None, None
            key = value
        elif name == b"content-type":
            json = value == JSON_TYPE or JSON.match(value.decode("latin-1")) is not None
        elif name in OTHER_WAYS:
            return None, None
    if key is None or not json:
        return None, None
    proof = sha256(key).hexdigest()
    client: Client | None = state.recognised.get(proof)
    if client is None or client.certificate is not None:
        return None, None
    if client.per_day is not None or state.limits.settings.per_day is not None:
        return None, None
    try:
        allow(client, "score")
    except HuixinError:
        return None, None
    return client, proof


def _read(body: bytes) -> ScoreRequest:
    try:
        return ScoreRequest.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from error


async def _body(receive: Receive) -> bytes:
    """The whole body. Raises ``ClientDisconnect`` where it does not come."""
    found = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        found += part
        if not message.get("more_body", False):
            return found
