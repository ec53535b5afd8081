"""Months and reporting periods as whole numbers, the same in Python and in SQL.

A month is ``12 x year + month - 1``. A periodic record belongs to the month in which its period ends.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import ClassVar

from records.catalogue import Item
from records.catalogue.kinds import FREQUENCY_MONTHS
from records.errors import HuixinError
from records.moment import month_end, shanghai_day
from records.words import Text

LONGEST, FIRST_YEAR = 120, 1990


class BadMonth(HuixinError):
    code: ClassVar[str] = "bad-month"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("月份有误", "Bad month")


def month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def first_day(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def last_day(number: int) -> date:
    return month_end(first_day(number))


def parse_month(text: str | None, as_of: datetime) -> date:
    """``2025-10`` as its first day; ``None`` is the last whole month at ``as_of``. Raises ``BadMonth``."""
    present = month_number(shanghai_day(as_of))
    if text is None:
        return first_day(max(present - 1, 12))
    try:
        found = date.fromisoformat(f"{text.strip()}-01")
    except ValueError as error:
        raise BadMonth(
            Text(
                f"无法识别的月份“{text[:20]}”；请用 2025-10 的形式",
                f"cannot read the month '{text[:20]}'; give one such as 2025-10",
            )
        ) from error
    if month_number(found) > present:
        raise BadMonth(Text(f"{text} 尚未开始", f"{text} has not begun at the as-of"))
    return found


def months_before(last: date, count: int) -> tuple[date, ...]:
    """``count`` months up to ``last``, as first days. Raises ``BadMonth`` for less than one or more than 120."""
    if not 1 <= count <= LONGEST:
        raise BadMonth(Text(f"月数应为 1 至 {LONGEST}", f"1 to {LONGEST} months are accepted"))
    number = month_number(last)
    if number - count + 1 < 12 * FIRST_YEAR:
        raise BadMonth(Text(f"月份自 {FIRST_YEAR}-01 起", f"months from {FIRST_YEAR}-01 on are accepted"))
    return tuple(first_day(one) for one in range(number - count + 1, number + 1))


def step_of(item: Item) -> int | None:
    """Months in one period of ``item``; none for items on event or on change."""
    return FREQUENCY_MONTHS.get(item.frequency)


def due_on(item: Item, number: int) -> date:
    """The last day on which the period that ends in month ``number`` may be reported."""
    return last_day(number) + timedelta(days=item.deadline_days)


def ends_period(number: int, step: int) -> bool:
    """Whether a period of ``step`` months ends in month ``number``."""
    return (number + 1) % step == 0


def month_sql(day: str) -> str:
    """Number of the month of a day."""
    return f"(year({day}) * 12 + month({day}) - 1)"


def received_sql(moment: str = "r.recorded_at") -> str:
    """The day in Shanghai of a UTC moment (fixed offset: China has had no summer time since 1991)."""
    return f"CAST({moment} + INTERVAL 8 HOUR AS DATE)"


def reported_month_sql(item: Item) -> str:
    """The month in which the record's period ends; for items without a period, the month of receipt.

    A record says its period in a date field ``period``, or in an integer field ``year`` for what is reported once a
    year; otherwise ``occurred_on`` lies in it.
    """
    step = step_of(item)
    if step is None:
        return month_sql(received_sql())
    fields = item.fields
    if step == 12 and "year" in fields and fields["year"].type == "integer":
        year = 'least(greatest(coalesce(r."year", year(r.occurred_on)), 1), 9998)'
        return f"CAST({year} * 12 + 11 AS INTEGER)"
    day = (
        'coalesce(r."period", r.occurred_on)'
        if "period" in fields and fields["period"].type == "date"
        else "r.occurred_on"
    )
    return f"CAST({month_sql(day)} // {step} * {step} + {step - 1} AS INTEGER)"


def delay_sql(item: Item) -> str:
    """Days from the end of the record's period, or from the event, to its receipt."""
    if step_of(item) is None:
        return f"date_diff('day', r.occurred_on, {received_sql()})"
    month = reported_month_sql(item)
    end = f"last_day(make_date(CAST({month} // 12 AS BIGINT), CAST({month} % 12 + 1 AS BIGINT), 1))"
    return f"date_diff('day', {end}, {received_sql()})"
