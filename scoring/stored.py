"""A stored rating read back as it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from math import nan
from typing import Any

from pydantic import TypeAdapter

from scoring.rating import Rating


def as_given(payload: Mapping[str, Any]) -> Rating:
    """The rating of a stored answer in both languages (``Rater.stored``); brief ones hold no features.

    Raises ``ValueError`` for anything else.
    """
    features = {code: nan if value is None else value for code, value in payload.get("features", {}).items()}
    made = _reader().validate_python({**payload, "features": features})
    return replace(made, as_of=_utc(made.as_of), scored_at=_utc(made.scored_at))


@cache
def _reader() -> TypeAdapter[Rating]:
    return TypeAdapter(Rating)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
