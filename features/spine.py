"""The questions: which subjects at which as-ofs, made from a rule instead of by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from records.catalogue import Catalogue
from records.moment import add_months, end_of_day, month_end


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
                    "as_of": pa.array([moment] * known.num_rows, pa.timestamp("us")),
                }
            )
        )
    return pa.concat_tables(tables)


def month_end_spine(connection: Any, segment: str, first: date, last: date, every: int = 1) -> pa.Table:
    """``spine`` at each month end from ``first`` to ``last``."""
    return spine(connection, segment, month_ends(first, last, every))


def known_since(connection: Any, segment: str) -> pa.Table:
    """Columns subject_id, known_since: when the base learnt the first record about each subject of ``segment``."""
    tables = [item.table for item in Catalogue.load().items.values() if segment in item.subject_kinds]
    parts = " UNION ALL ".join(
        f"SELECT subject_id, min(recorded_at) AS recorded_at FROM {table} WHERE subject_kind = '{segment}' GROUP BY 1"
        for table in tables
    )
    query = f"SELECT subject_id, min(recorded_at) AS known_since FROM ({parts}) GROUP BY 1 ORDER BY 1"
    with connection.con.cursor() as cursor:
        return cursor.sql(query).to_arrow_table()


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
