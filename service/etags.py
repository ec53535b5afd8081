"""Answers that do not change: an ETag, and 304 for who has them already (RFC 9110, 8.8.3 and 13.1.2)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
from fastapi import Request
from fastapi.responses import Response

# Whoever keeps an answer asks again each time, so that every look is seen and no right to look outlives its end.
CACHE_CONTROL = "private, no-cache"


def tagged(request: Request, content: Any) -> Response:
    """``content`` (what JSON can hold, or bytes of JSON) with a strong ETag of its bytes; 304 where it is known."""
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL}
    if known(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def known(if_none_match: str | None, tag: str) -> bool:
    """Whether the header names ``tag``; weak tags compare as strong ones do."""
    if if_none_match is None:
        return False
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in given or "*" in given


NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "与 If-None-Match 相同 / the same as in If-None-Match"}
}
