"""Measures of series: how long ago, how many months in a row, which way it goes."""

from __future__ import annotations

from collections.abc import Callable

from features.definition import NO_RECORD, Condition, Feature, Link, Rows, Value, ratio, total
from features.measures import Direction, Segments, Where
from records.words import Text

FIRST_YEAR, LEAST_MONTHS = 2000, 6


def recency(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    *,
    via: Link | None = None,
    where: Where | None = None,
    direction: Direction,
    missing: Text,
    actionable: bool = False,
) -> Feature:
    """Days since the latest record; missing where there never was one."""
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        via=via,
        unit="days",
        direction=direction,
        where=where,
        measure=lambda r, w: r.age_days.min(where=w),
        actionable=actionable,
        missing=missing,
        evidence_most=1,
    )


def streak(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    holds: Where,
    *,
    months: int,
    direction: Direction,
    missing: Text = NO_RECORD,
    actionable: bool = False,
) -> Feature:
    """For how many months in a row, up to the latest one reported, every record has met ``holds``.

    For monthly items: a month without a record does not break the row. At most ``months`` and the as-of's own.
    """
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        unit="months",
        direction=direction,
        window_months=months,
        measure=lambda r, w: _in_a_row(r, w, holds(r)),
        missing=missing,
        actionable=actionable,
        evidence=lambda r: ~holds(r),
        evidence_most=1,
    )


def trend(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    amount: Callable[[Rows], Value],
    *,
    months: int,
    where: Where | None = None,
    direction: Direction = -1,
    missing: Text,
    actionable: bool = False,
) -> Feature:
    """The slope of a straight line through the amounts, by month, over their mean: +0.02 grows by 2% of it a month.

    For items with one record a month. Amounts count in whole units. Missing below ``LEAST_MONTHS`` records, and where
    the mean is not positive.
    """
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        unit="ratio",
        direction=direction,
        window_months=months,
        where=where,
        measure=lambda r, w: _slope_over_mean(r, w, amount(r)),
        missing=missing,
        actionable=actionable,
    )


def _in_a_row(rows: Rows, where: Condition, holds: Condition) -> Value:
    newest, oldest = rows.age_months.min(where=where), rows.age_months.max(where=where)
    broken = rows.age_months.min(where=where & ~holds)
    return broken.fill_null(oldest + 1) - newest


def _slope_over_mean(rows: Rows, where: Condition, amount: Value) -> Value:
    import ibis

    when = (rows.occurred_on.year() - FIRST_YEAR) * 12 + rows.occurred_on.month()
    whole = amount.cast("decimal(19,0)").cast("int64")
    counts = where & amount.notnull()
    n = rows.count(where=counts).cast("float64")
    x, xx = total(when, counts), total(when * when, counts)
    y, xy = total(whole, counts), total(when * whole, counts)
    slope = ratio(n * xy - x * y, n * xx - x * x)
    return ((n >= LEAST_MONTHS) & (y > 0)).ifelse(ratio(slope * n, y), ibis.null("float64"))
