"""The one rule of what an as-of may see, as SQL and as Ibis predicates.

A record counts at an as-of when the base had recorded it by then, nothing recorded by then took it out of sight
(a correction, a withdrawal, a credit repair, a sealing), its retention had not ended, and it had happened. Without
``recorded_at <= as_of`` the future leaks into the past.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from records.moment import shanghai_day

VISIBLE = (
    "recorded_at <= $as_of AND (superseded_at IS NULL OR superseded_at > $as_of) "
    "AND (expires_on IS NULL OR expires_on > $as_of_day) AND occurred_on <= $as_of_day"
)


def moments(as_of: datetime) -> dict[str, Any]:
    """The parameters of ``VISIBLE``: the as-of (UTC) and its day in Asia/Shanghai."""
    return {"as_of": as_of, "as_of_day": shanghai_day(as_of)}


def visible(records: Any, spine: Any) -> list[Any]:
    """``VISIBLE`` as Ibis predicates over ``records``, as of the ``as_of`` and ``as_of_day`` of ``spine``."""
    return [
        records.recorded_at <= spine.as_of,
        records.superseded_at.isnull() | (records.superseded_at > spine.as_of),
        records.expires_on.isnull() | (records.expires_on > spine.as_of_day),
        records.occurred_on <= spine.as_of_day,
    ]
