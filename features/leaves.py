"""A measure taken apart into its leaves: the counts, sums and extremes that it is made of.

For each leaf it is known, record by record, from which as-of on a record counts and from which on it does not any more,
so that all as-ofs of a subject can be had in one pass (``features.sweep``). What cannot be taken apart is measured by
joining (``features.compiled``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

Op = Any  # an Ibis operation on the columns of an item
Kind = Literal["count", "sum", "max", "min", "latest", "months", "distinct"]

OF_THE_AS_OF = frozenset({"row", "as_of", "as_of_day", "as_of_month", "age_days", "age_months"})
MONTHS_MOST = 62
FAR = "9999-12-31"


class CannotSweep(Exception):
    """The measure is not made of leaves; its message says what stands in the way."""


@dataclass(frozen=True)
class Reach:
    """At which as-ofs a visible record counts.

    ``youngest`` to ``oldest``: its age in months, both included (None: without end). ``begins``, ``ends``: dates of the
    record; the as-of's day is not before any of the first and before each of the second.
    """

    youngest: int = 0
    oldest: int | None = None
    begins: tuple[Op, ...] = ()
    ends: tuple[Op, ...] = ()


@dataclass(frozen=True)
class Leaf:
    """A reduction of the records in ``reach`` that meet every condition of ``keep`` (null counts as not met).

    ``value`` is the number that is summed or compared, and one of ``keep`` says that it is there. From the column
    ``shift`` of the as-of the result is taken away: the least age in days is the as-of's day less the latest day.
    """

    kind: Kind
    reach: Reach
    keep: tuple[Op, ...] = ()
    value: Op | None = None
    shift: Literal["as_of_day", "as_of_month"] | None = None


def leaf_of(reduction: Op, rows: Op) -> Leaf:
    """The leaf that the Ibis ``reduction`` over the columns of ``rows`` is. Raises ``CannotSweep``."""
    import ibis.expr.operations as ops

    keep, reach = _taken_apart(getattr(reduction, "where", None))
    match reduction:
        case ops.CountStar():
            return Leaf("count", reach, keep)
        case ops.Count(arg=value):
            _of_the_record(value)
            return Leaf("count", reach, _kept(keep, value))
        case ops.Sum(arg=value):
            _of_the_record(value)
            if not (value.dtype.is_decimal() or value.dtype.is_integer()):
                raise CannotSweep("a sum of floating-point numbers depends on their order")
            return Leaf("sum", reach, _kept(keep, value), value)
        case ops.Max(arg=value) | ops.Min(arg=value):
            return _extreme(reduction, value, keep, reach)
        case ops.CountDistinct(arg=ops.Field(name="age_months")):
            if reach.oldest is None or reach.oldest > MONTHS_MOST:
                raise CannotSweep("months are told apart in windows of up to 62 months only")
            return Leaf("months", reach, keep)
        case ops.CountDistinct(arg=value):
            _of_the_record(value)
            return Leaf("distinct", reach, _kept(keep, value), value)
        case ops.First(arg=value, order_by=order):
            _of_the_record(value)
            _check_latest(order)
            return Leaf("latest", reach, _kept(keep, value), value)
    raise CannotSweep(f"{type(reduction).__name__} is no count, sum, extreme or latest value")


def reductions(measure: Any) -> list[Op]:
    """The reductions in an Ibis expression, outermost ones only, in a fixed order."""
    from ibis.expr.operations.reductions import Reduction

    found: dict[Op, None] = dict.fromkeys(measure.op().find(Reduction))
    return list(found)


def of_the_record(op: Op) -> bool:
    """Whether ``op`` reads columns of the record only, none of the as-of."""
    from ibis.expr.operations import Field

    return not any(field.name in OF_THE_AS_OF for field in op.find(Field))


def with_the_month(key: Op) -> Op:
    """A grouping key of the record only: the month in which it happened stands for its age in months."""
    import ibis.expr.operations as ops

    if isinstance(key, ops.Field) and key.name == "age_months":
        occurred = key.rel.to_expr().occurred_on
        return (occurred.year() * 12 + occurred.month()).op()
    _of_the_record(key)
    return key


def conditions(where: Op | None) -> list[Op]:
    """The parts of a conjunction."""
    import ibis.expr.operations as ops

    if where is None or (isinstance(where, ops.Literal) and where.value is True):
        return []
    if isinstance(where, ops.And):
        return [*conditions(where.left), *conditions(where.right)]
    return [where]


def _taken_apart(where: Op | None) -> tuple[tuple[Op, ...], Reach]:
    keep: dict[Op, None] = {}
    reach = Reach()
    for part in conditions(where):
        if of_the_record(part):
            keep[part] = None
        else:
            reach, more = _narrowed(reach, part)
            keep.update(dict.fromkeys(more))
    return tuple(keep), replace(reach, begins=tuple(dict.fromkeys(reach.begins)), ends=tuple(dict.fromkeys(reach.ends)))


def _narrowed(reach: Reach, part: Op) -> tuple[Reach, list[Op]]:
    """``reach`` under one more condition that looks at the as-of, and what else has to hold of the record."""
    import ibis
    import ibis.expr.operations as ops

    if isinstance(part, ops.Or):
        return _or_without_end(reach, part), []
    if not isinstance(part, ops.Comparison):
        raise CannotSweep(f"a condition on the as-of of the kind {type(part).__name__}")
    sign, left, right = _signed(part)
    if not isinstance(left, ops.Field) or left.name not in OF_THE_AS_OF:
        sign, left, right = MIRRORED[sign], right, left
    if not isinstance(left, ops.Field) or not of_the_record(right):
        raise CannotSweep("a condition that reckons with the as-of")
    if left.name == "age_months" and isinstance(right, ops.Literal):
        return _aged(reach, sign, int(right.value)), []
    day, present = right.to_expr(), [ops.NotNull(right)]
    if left.name == "age_days" and isinstance(right, ops.Literal):
        # The age is at most n days where the as-of's day is at most n days after the record's.
        day = (left.rel.to_expr().occurred_on + ibis.interval(days=int(right.value))).cast("date")
        present = []
    elif left.name != "as_of_day" or not right.dtype.is_date():
        raise CannotSweep(f"a condition on {left.name}")
    after = (day + ibis.interval(days=1)).cast("date").op()
    match sign:
        case "<":
            return replace(reach, ends=(*reach.ends, day.op())), present
        case "<=":
            return replace(reach, ends=(*reach.ends, after)), present
        case ">=":
            return replace(reach, begins=(*reach.begins, day.op())), present
        case ">":
            return replace(reach, begins=(*reach.begins, after)), present
    return replace(reach, begins=(*reach.begins, day.op()), ends=(*reach.ends, after)), present


def _or_without_end(reach: Reach, part: Op) -> Reach:
    """``day is null or as_of_day < day``: until that day, or without end."""
    import ibis
    import ibis.expr.operations as ops

    missing, other = (part.left, part.right) if isinstance(part.left, ops.IsNull) else (part.right, part.left)
    narrowed, present = _narrowed(Reach(), other) if isinstance(other, ops.Comparison) else (Reach(), [])
    if not isinstance(missing, ops.IsNull) or present != [ops.NotNull(missing.arg)] or len(narrowed.ends) != 1:
        raise CannotSweep("an 'or' on the as-of that is not 'no last day, or a later one'")
    if narrowed != Reach(ends=narrowed.ends):
        raise CannotSweep("an 'or' on the as-of that is not 'no last day, or a later one'")
    end = narrowed.ends[0].to_expr().fill_null(ibis.date(FAR)).op()
    return replace(reach, ends=(*reach.ends, end))


def _aged(reach: Reach, sign: str, months: int) -> Reach:
    youngest, oldest = reach.youngest, reach.oldest
    if sign in ("<", "<=", "="):
        most = months - 1 if sign == "<" else months
        oldest = most if oldest is None else min(oldest, most)
    if sign in (">", ">=", "="):
        youngest = max(youngest, months + 1 if sign == ">" else months)
    return replace(reach, youngest=youngest, oldest=oldest)


MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


def _signed(part: Op) -> tuple[str, Op, Op]:
    import ibis.expr.operations as ops

    signs = {ops.Less: "<", ops.LessEqual: "<=", ops.Greater: ">", ops.GreaterEqual: ">=", ops.Equals: "="}
    if type(part) not in signs:
        raise CannotSweep(f"a comparison with the as-of of the kind {type(part).__name__}")
    return signs[type(part)], part.left, part.right


def _extreme(reduction: Op, value: Op, keep: tuple[Op, ...], reach: Reach) -> Leaf:
    """The largest or smallest value; that of an age is the as-of less the opposite extreme of when it happened."""
    import ibis.expr.operations as ops

    largest = isinstance(reduction, ops.Max)
    if isinstance(value, ops.Field) and value.name in ("age_days", "age_months"):
        occurred = value.rel.to_expr().occurred_on
        if value.name == "age_days":
            return Leaf("min" if largest else "max", reach, keep, occurred.op(), "as_of_day")
        month = (occurred.year() * 12 + occurred.month()).op()
        return Leaf("min" if largest else "max", reach, keep, month, "as_of_month")
    _of_the_record(value)
    return Leaf("max" if largest else "min", reach, _kept(keep, value), value)


def _kept(keep: tuple[Op, ...], value: Op) -> tuple[Op, ...]:
    import ibis.expr.operations as ops

    return tuple(dict.fromkeys((*keep, ops.NotNull(value))))


def _of_the_record(op: Op) -> None:
    if not of_the_record(op):
        raise CannotSweep("a value that reckons with the as-of")


def _check_latest(order: tuple[Op, ...]) -> None:
    """By day, then by record id, the latest first: as ``features.definition.latest`` has it."""
    import ibis.expr.operations as ops

    found = [(key.arg.name, key.ascending) for key in order if isinstance(key.arg, ops.Field)]
    if found != [("occurred_on", False), ("record_id", False)]:
        raise CannotSweep("a first value in another order than the latest first")
