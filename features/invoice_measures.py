"""What features of invoices are made of: which invoices count, sums and shares of them, groups by partner and month."""

from __future__ import annotations

from features.definition import Condition, Grouping, Rows, Value, ratio, total

LONG, SHORT = 36, 12


def sale(r: Rows) -> Condition:
    return r.direction == "sale"


def purchase(r: Rows) -> Condition:
    return r.direction == "purchase"


def valid(r: Rows) -> Condition:
    return r.status == "valid"


def valid_sale(r: Rows) -> Condition:
    return sale(r) & valid(r)


def valid_purchase(r: Rows) -> Condition:
    return purchase(r) & valid(r)


def months_known(r: Rows, w: Condition) -> Value:
    """Months from the first invoice that counts to the as-of's month, both included."""
    return r.age_months.max(where=w) + 1


def added(amount: Value, w: Condition) -> Value:
    """An exact sum in float64; 0 where other invoices count but none of these."""
    return total(amount, w).fill_null(0.0)


def over(above: Value, below: Value) -> Value:
    """``above / below``; missing where returns leave nothing (or less) below."""
    return (below > 0).ifelse(ratio(above, below), None)


def per_mille(rate: Value) -> Value:
    """To the nearest thousandth: tax is rounded to the fen, and what is left of that says nothing."""
    return (rate * 1000.0 + 0.5).floor().cast("float64") / 1000.0


def whole_yuan(amount: Value) -> Value:
    """Money in whole yuan whose square is an exact decimal. Not decimal(18): DuckDB keeps its products at 18 digits."""
    return amount.cast("decimal(19,0)")


def concentration(amount: Value) -> Value:
    """Herfindahl-Hirschman index of the positive net amounts by partner, 0 to 1."""
    yuan, net = whole_yuan(amount), amount > 0
    whole = yuan.sum(where=net).cast("float64")
    return ratio((yuan * yuan).sum(where=net), whole * whole)


def largest_share(amount: Value) -> Value:
    """The largest positive net amount over the sum of the positive ones."""
    yuan, net = whole_yuan(amount), amount > 0
    return ratio(yuan.max(where=net), yuan.sum(where=net))


def variation(amount: Value, age: Value) -> Value:
    """Standard deviation of monthly amounts over their mean; months without any, since the first invoice, are 0."""
    yuan, months = whole_yuan(amount), (age.max() + 1).cast("float64")
    mean = yuan.sum().cast("float64") / months
    square = (yuan * yuan).sum().cast("float64") / months
    return over((square - mean * mean).clip(lower=0.0).sqrt(), mean)


BY_PARTNER = Grouping(
    key=lambda r: r.counterparty,
    values={
        "sales": lambda r, w: r.amount.sum(where=w & sale(r)),
        "purchases": lambda r, w: r.amount.sum(where=w & purchase(r)),
    },
    window_months=LONG,
    where=valid,
)
BY_MONTH = Grouping(
    key=lambda r: r.age_months,
    values={
        "sales": lambda r, w: r.amount.sum(where=w & sale(r)),
        "purchases": lambda r, w: r.amount.sum(where=w & purchase(r)),
        "age": lambda r, w: r.age_months.max(where=w),
    },
    window_months=LONG,
    where=valid,
)
