"""The two clocks: UTC instants for what was known, days in Asia/Shanghai for what happened.

Instants are kept without a zone and always mean UTC, so that DuckDB and Spark read them alike.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from records.errors import BadMoment
from records.words import Text

SHANGHAI = ZoneInfo("Asia/Shanghai")
SHANGHAI_OFFSET = timedelta(hours=8)
# What a refusal says again: a word, or day and time; all else may be anything.
SAID_AGAIN = re.compile(r"[0-9A-Za-z年月日:+./-]{1,40}( [0-9:+.-]{1,20})?")


def now() -> datetime:
    """The present instant, UTC, without a zone, to the microsecond."""
    return datetime.now(UTC).replace(tzinfo=None)


def end_of_day(day: date) -> datetime:
    """The last microsecond of ``day`` in Asia/Shanghai, as a UTC instant."""
    return datetime.combine(day, time.max) - SHANGHAI_OFFSET


def shanghai_day(instant: datetime) -> date:
    """The day in Asia/Shanghai on which a UTC ``instant`` falls."""
    return (instant + SHANGHAI_OFFSET).date()


def parse_as_of(value: str | date | datetime | None) -> datetime:
    """Read an as-of: ``None`` is now, a day means its end in Asia/Shanghai, an instant needs a zone.

    Returns a UTC instant without a zone. Raises ``BadMoment`` for anything else.
    """
    if value is None:
        return now()
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return end_of_day(value)
    text = value.strip()
    try:
        if len(text) == 10:
            return end_of_day(date.fromisoformat(text))
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise _bad_moment(text) from error
    if instant.tzinfo is None:
        raise _bad_moment(text)
    try:
        return instant.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise _bad_moment(text) from error


def month_end(day: date) -> date:
    """The last day of the month of ``day``."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later, or the last day of that month where it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    first = date(index // 12, index % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), month_end(first))


def _bad_moment(value: str) -> BadMoment:
    shown = value if SAID_AGAIN.fullmatch(value) else "…"
    return BadMoment(
        Text(
            f"无法识别的时点“{shown}”：请用日期（2025-12-31，指上海当日终了）或带时区的时刻（2025-12-31T08:00:00+08:00）",
            f"cannot read the as-of '{shown}': give a day (2025-12-31, its end in Asia/Shanghai) "
            "or an instant with a zone (2025-12-31T08:00:00+08:00)",
        )
    )
