"""The questions: which subjects at which as-ofs, made from a rule instead of by hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from records.catalogue import Catalogue
from records.errors import HuixinError
from records.moment import SHANGHAI_OFFSET, add_months, end_of_day, month_end
from records.words import Text

SPINE_SCHEMA = pa.schema([("subject_id", pa.string()), ("as_of", pa.timestamp("us"))])


class BadSpine(HuixinError):
    code: ClassVar[str] = "bad-spine"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("主体与时点表有误", "Bad table of subjects and as-ofs")


def month_ends(first: date, last: date, every: int = 1) -> list[date]:
    """Month ends from the month of ``first`` to that of ``last``, every so many months, counted back from the last."""
    found, day = [], month_end(last)
    while day >= month_end(first):
        found.append(day)
        day = month_end(add_months(day.replace(day=1), -every))
    return found[::-1]


def spine(connection: Any, segment: str, days: list[date]) -> pa.Table:
    """Columns subject_id, as_of: every subject of ``segment`` with some record by then, at the end of each day."""
    first_seen = known_since(connection, segment)
    tables = []
    for day in days:
        moment = end_of_day(day)
        known = first_seen.filter(pc.less_equal(first_seen["known_since"], pa.scalar(moment, pa.timestamp("us"))))
        tables.append(
            pa.table(
                {
                    "subject_id": known["subject_id"],
                    "as_of": pa.repeat(pa.scalar(moment, pa.timestamp("us")), known.num_rows),
                }
            )
        )
    return pa.concat_tables(tables) if tables else SPINE_SCHEMA.empty_table()


def month_end_spine(connection: Any, segment: str, first: date, last: date, every: int = 1) -> pa.Table:
    """``spine`` at each month end from ``first`` to ``last``."""
    return spine(connection, segment, month_ends(first, last, every))


def spine_of(subject_id: str, as_of: datetime) -> pa.Table:
    """A spine of one row."""
    return spine_of_many([(subject_id, as_of)])


def spine_of_many(asked: Sequence[tuple[str, datetime]]) -> pa.Table:
    """A spine of some subjects, each at its as-of."""
    ids, moments = zip(*asked, strict=True) if asked else ((), ())
    return pa.table([pa.array(ids, pa.string()), pa.array(moments, pa.timestamp("us"))], schema=SPINE_SCHEMA)


def numbered(spine: pa.Table) -> pa.Table:
    """The spine with its row numbers, the as-of's day in Asia/Shanghai, and that day's month counted from year 0.

    Instants with a zone become UTC. Raises ``BadSpine`` where a column is missing, of another type, or has gaps.
    """
    try:
        asked = spine.select(SPINE_SCHEMA.names).cast(SPINE_SCHEMA)
    except (KeyError, ValueError, TypeError) as error:
        raise bad_spine() from error
    if any(column.null_count for column in asked.columns):
        raise bad_spine()
    local = pc.add(asked["as_of"], pa.scalar(SHANGHAI_OFFSET, pa.duration("us")))
    days = local.cast(pa.date32(), safe=False)
    months = pc.add(pc.multiply(pc.year(days), 12), pc.month(days))
    numbers = pa.array(np.arange(asked.num_rows, dtype=np.int64))
    return pa.table([numbers, *asked.columns, days, months], ["row", *asked.column_names, "as_of_day", "as_of_month"])


def bad_spine() -> BadSpine:
    """The error that says what a spine is."""
    return BadSpine(
        Text(
            "需要 subject_id（文本）和 as_of（时刻）两列，且不得有空值",
            "columns subject_id (text) and as_of (instants) are needed, without gaps",
        )
    )


def known_since(connection: Any, segment: str) -> pa.Table:
    """Columns subject_id, known_since: when the base learnt the first record about each subject of ``segment``."""
    with connection.con.cursor() as cursor:
        return cursor.sql(f"{known_since_query(segment)} ORDER BY 1").to_arrow_table()


def known_since_query(segment: str, filled: Collection[str] | None = None) -> str:
    """The SQL of ``known_since``, in no order; ``filled``: the tables that have records, where that is known."""
    tables = [item.table for item in Catalogue.load().items.values() if segment in item.subject_kinds]
    if filled is not None:
        tables = [table for table in tables if table in filled] or tables[:1]
    parts = " UNION ALL ".join(
        f"SELECT subject_id, min(recorded_at) AS recorded_at FROM {table} WHERE subject_kind = '{segment}' GROUP BY 1"
        for table in tables
    )
    return f"SELECT subject_id, min(recorded_at) AS known_since FROM ({parts}) GROUP BY 1"


def recorded_span(connection: Any, segment: str) -> tuple[date, date] | None:
    """First and last day of the monthly records about ``segment``, or None where there is none."""
    tables = [
        item.table
        for item in Catalogue.load().items.values()
        if item.frequency == "monthly" and segment in item.subject_kinds
    ]
    parts = " UNION ALL ".join(
        f"SELECT min(occurred_on) AS a, max(occurred_on) AS b FROM {table} WHERE subject_kind = '{segment}'"
        for table in tables
    )
    with connection.con.cursor() as cursor:
        first, last = cursor.execute(f"SELECT min(a), max(b) FROM ({parts})").fetchone()
    return (first, last) if first else None
