"""Cursors: where a list of cases, the newest first, goes on."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_

from records.words import Text
from service.desk.errors import BadCursor

Place = tuple[datetime, str]


def after(query: Select[Any], at: Any, key: Any, cursor: str | None, limit: int) -> Select[Any]:
    """``query``, the newest first, from behind ``cursor`` on, one row more than ``limit``. Raises ``BadCursor``."""
    if cursor is not None:
        moment, last = opened(cursor)
        behind: ColumnElement[bool] = or_(at < moment, (at == moment) & (key < last))
        query = query.where(behind)
    return query.order_by(at.desc(), key.desc()).limit(limit + 1)


def closed(place: Place) -> str:
    return urlsafe_b64encode(f"{place[0].isoformat()}|{place[1]}".encode()).decode().rstrip("=")


def opened(cursor: str) -> Place:
    try:
        moment, _, last = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        found = datetime.fromisoformat(moment)
    except ValueError as error:
        raise _bad() from error
    if not last or "\x00" in last or found.tzinfo is not None:
        raise _bad()
    return found, last


def _bad() -> BadCursor:
    return BadCursor(Text("请原样给出上一页的 next", "give the last page's next as it was"))


def instant(moment: datetime | None) -> str | None:
    """A UTC instant as JSON has it."""
    return None if moment is None else f"{moment.isoformat()}Z"
