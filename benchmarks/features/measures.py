"""The 52 measures that every contender computes: counts, sums and maxima over four windows, and days since the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Literal

from features.definition import ENTERPRISE, Condition, Feature, Rows, Value, total
from features.spine import month_ends
from records.moment import add_months, end_of_day, shanghai_day
from records.words import Text

What = Literal["count", "sum", "max", "age"]
WINDOWS = (3, 6, 12, 24)
# By item, the money field that is summed.
AMOUNTS = {
    "tax.invoice": "amount",
    "power.usage": "bill",
    "social_insurance.contribution": "paid",
    "loan.account_month": "balance",
}
# The features of a pipeline are declared for a segment; these records are of enterprises only.
SEGMENT = "enterprise"
AS_OFS = tuple(end_of_day(day) for day in month_ends(date(2024, 1, 31), date(2025, 12, 31)))
ONE_AS_OF = AS_OFS[-1]


@dataclass(frozen=True)
class Column:
    """A measure of ``item``: ``what`` over the last ``months`` months and the as-of's own, or over all time."""

    item: str
    what: What
    months: int | None

    @property
    def code(self) -> str:
        return f"{self.item.replace('.', '_')}_{self.what}" + (f"_{self.months}m" if self.months else "")


COLUMNS = tuple(
    column
    for item in AMOUNTS
    for column in (
        *(Column(item, what, months) for months in WINDOWS for what in ("count", "sum", "max")),
        Column(item, "age", None),
    )
)


def first_day(as_of: datetime, months: int) -> date:
    """The first day of a window: whole months before that of the as-of's day."""
    return add_months(shanghai_day(as_of).replace(day=1), -months)


@cache
def features() -> tuple[Feature, ...]:
    """The measures as features: counts and sums are 0 where no record is, maxima and ages are missing."""
    return tuple(_feature(column) for column in COLUMNS)


def _feature(column: Column) -> Feature:
    return Feature(
        code=column.code,
        item=column.item,
        segments=ENTERPRISE,
        words=Text(column.code, column.code),
        unit={"count": "count", "sum": "CNY", "max": "CNY", "age": "days"}[column.what],  # type: ignore[arg-type]
        direction=0,
        measure=_measure(column),
        window_months=column.months,
        when_empty=0.0 if column.what in ("count", "sum") else None,
    )


def _measure(column: Column) -> Callable[[Rows, Condition], Value]:
    amount = AMOUNTS[column.item]
    match column.what:
        case "count":
            return lambda r, w: r.count(where=w)
        case "sum":
            return lambda r, w: total(r[amount], w)
        case "max":
            return lambda r, w: r[amount].max(where=w)
        case "age":
            return lambda r, w: r.age_days.min(where=w)
