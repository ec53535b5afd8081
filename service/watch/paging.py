"""Cursors: where a page ended, opaque to whoever carries it back."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson

from records.words import Text
from service.desk.errors import BadCursor


def cursor(*place: str) -> str:
    return urlsafe_b64encode(orjson.dumps(place)).decode()


def place(text: str | None, parts: int) -> list[str] | None:
    """The ``parts`` that a cursor was made of; None without one. Raises ``BadCursor``."""
    if text is None:
        return None
    try:
        found = orjson.loads(urlsafe_b64decode(text.encode()))
    except ValueError:
        found = None
    usable = isinstance(found, list) and len(found) == parts
    if not usable or not all(isinstance(one, str) and "\0" not in one for one in found):
        raise BadCursor(Text("cursor 无效；请用上一页的 next", "not a cursor: use a page's next"))
    return list(found)
