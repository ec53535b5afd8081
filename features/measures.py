"""Measures that many sources have in common: how often, whether now, what share of a sum, what the latest says."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Literal

from features.definition import (
    NO_RECORD,
    Condition,
    Feature,
    Link,
    Rows,
    Segment,
    Unit,
    Use,
    Value,
    latest,
    ratio,
    total,
)
from records.words import Text

Segments = tuple[Segment, ...]
Direction = Literal[-1, 0, 1]
Where = Callable[[Rows], Condition]


def counted(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    *,
    via: Link | None = None,
    months: int | None = None,
    where: Where | None = None,
    direction: Direction = 1,
    use: Use = "model",
) -> Feature:
    """How many records there are; none is zero."""
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        via=via,
        unit="count",
        direction=direction,
        window_months=months,
        where=where,
        measure=lambda r, w: r.count(where=w),
        when_empty=0.0,
        use=use,
    )


def now(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    *,
    via: Link | None = None,
    until: str,
    where: Where | None = None,
    direction: Direction = 1,
    use: Use = "model",
    actionable: bool = False,
) -> Feature:
    """Whether something holds at the as-of: some record of it has no last day in ``until``, or a later one."""
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        via=via,
        unit="flag",
        direction=direction,
        where=both(lasting(until), where),
        measure=lambda r, w: (r.count(where=w) > 0).cast("int64"),
        when_empty=0.0,
        use=use,
        actionable=actionable,
    )


def summed(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    field: str,
    *,
    unit: Unit = "CNY",
    via: Link | None = None,
    months: int | None = None,
    where: Where | None = None,
    direction: Direction = 1,
) -> Feature:
    """The sum of a field of money or of a measured quantity; no record is zero."""
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        via=via,
        unit=unit,
        direction=direction,
        window_months=months,
        where=where,
        measure=lambda r, w: total(r[field], w),
        when_empty=0.0,
    )


def part(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    above: Callable[[Rows], Value],
    below: Callable[[Rows], Value],
    *,
    unit: Unit = "share",
    via: Link | None = None,
    months: int | None = None,
    where: Where | None = None,
    direction: Direction,
    use: Use = "model",
    actionable: bool = False,
    missing: Text = NO_RECORD,
) -> Feature:
    """The sum of ``above`` over that of ``below``; missing where nothing is below."""
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        via=via,
        unit=unit,
        direction=direction,
        window_months=months,
        where=where,
        measure=lambda r, w: ratio(total(above(r), w), total(below(r), w)),
        use=use,
        actionable=actionable,
        missing=missing,
    )


def level(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    field: str,
    levels: Mapping[str, float] | None = None,
    *,
    use: Use = "model",
    direction: Direction = -1,
    missing: Text = NO_RECORD,
) -> Feature:
    """The latest grade on a scale where more is better; without ``levels`` the latest number itself."""
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        unit="level" if levels else "points",
        direction=direction,
        measure=lambda r, w: latest(r, r[field].cases(*levels.items()) if levels else r[field].cast("float64"), w),
        use=use,
        missing=missing,
        evidence_most=1,
    )


def mean(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    amount: Callable[[Rows], Value],
    unit: Unit,
    *,
    via: Link | None = None,
    months: int | None = None,
    where: Where | None = None,
    direction: Direction,
    missing: Text = NO_RECORD,
    actionable: bool = False,
) -> Feature:
    """The average of an exact number over the records; missing where there is none."""
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        via=via,
        unit=unit,
        direction=direction,
        window_months=months,
        where=where,
        measure=lambda r, w: ratio(total(amount(r), w), r.count(where=w)),
        missing=missing,
        actionable=actionable,
    )


def most(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    amount: Callable[[Rows], Value],
    unit: Unit,
    *,
    via: Link | None = None,
    months: int | None = None,
    where: Where | None = None,
    direction: Direction = 1,
    missing: Text = NO_RECORD,
    actionable: bool = False,
) -> Feature:
    """The largest value; missing where there is no record. The records above 0 are its evidence."""
    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        via=via,
        unit=unit,
        direction=direction,
        window_months=months,
        where=where,
        measure=lambda r, w: amount(r).max(where=w),
        missing=missing,
        actionable=actionable,
        evidence=lambda r: amount(r) > 0,
    )


def latest_ratio(
    code: str,
    item: str,
    segments: Segments,
    words: Text,
    above: str,
    below: str,
    *,
    unit: Unit = "ratio",
    months: int | None = None,
    where: Where | None = None,
    direction: Direction,
    missing: Text = NO_RECORD,
    actionable: bool = False,
) -> Feature:
    """One field over another, in the latest record where the one is there and the other above zero."""

    def measured(rows: Rows, where: Condition) -> Value:
        counts = where & rows[above].notnull() & (rows[below] > 0)
        return ratio(latest(rows, rows[above], counts), latest(rows, rows[below], counts))

    return Feature(
        code=code,
        item=item,
        segments=segments,
        words=words,
        unit=unit,
        direction=direction,
        window_months=months,
        where=where,
        measure=measured,
        missing=missing,
        actionable=actionable,
        evidence_most=1,
    )


def lasting(until: str) -> Where:
    """Records whose last day, in the date field ``until``, has not passed."""
    return lambda r: r[until].isnull() | (r[until] > r.as_of_day)


def is_any(field: str, *codes: str) -> Where:
    """Records whose code ``field`` is one of ``codes``."""
    return lambda r: r[field].isin(codes)


def both(one: Where, other: Where | None) -> Where:
    return one if other is None else lambda r: one(r) & other(r)


def ones(where: Where | None = None, times: int = 1) -> Callable[[Rows], Value]:
    """``times`` for each record, or for each that meets ``where`` and 0 for the others."""

    def value(rows: Rows) -> Value:
        return (where(rows) if where else rows.record_id.notnull()).ifelse(times, 0)

    return value


def text_number(name: Value) -> Value:
    """A name as a number of 32 bits, the same in every engine: the first eight hexadecimal digits of its MD5."""
    import ibis

    digits, hashed = ibis.literal("0123456789abcdef"), name.hexdigest("md5")
    places = [digits.find(hashed.substr(at, 1)).cast("int64") * 16 ** (7 - at) for at in range(8)]
    return functools.reduce(operator.add, places)
