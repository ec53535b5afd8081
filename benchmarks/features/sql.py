"""The rival by hand: DuckDB SQL over the same Parquet files, in the shapes that were tried; ``BEST`` is the fastest.

What every shape owes to the question: only records known at the as-of, none that a correction known by then replaced, a
row for each subject asked about, and exact sums. What it may use: the as-of is one, so windows are plain dates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from benchmarks.features.measures import AMOUNTS, COLUMNS, WINDOWS, first_day
from benchmarks.features.records import Made
from records.moment import shanghai_day

# From item, source of its visible rows (subject_id, occurred_on, amount) and as-of to a query: subject, 13 measures.
Shape = Callable[[str, str, datetime], str]


def answer(made: Made, ids: pa.ChunkedArray, as_ofs: Sequence[datetime], shape: str | None = None) -> list[pa.Table]:
    """A table an as-of, one query each, with a row for each of ``ids`` in their order."""
    import duckdb

    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        numbers = pa.array(range(len(ids)), pa.int64())
        database.register("spine", pa.table({"number": numbers, "subject_id": ids}))
        return [database.sql(query(made, as_of, shape or BEST)).to_arrow_table() for as_of in as_ofs]


def query(made: Made, as_of: datetime, shape: str) -> str:
    """The whole query of a shape at an as-of."""
    make, key = SHAPES[shape]
    parts, joins = [], []
    for item in AMOUNTS:
        parts.append(f"{_table(item)} AS ({make(item, _visible(made.file(item), item, as_of, key), as_of)})")
        joins.append(f"LEFT JOIN {_table(item)} ON {_table(item)}.subject = {KEYS_OF_SPINE[key]}")
    columns = [f"coalesce({c.code}, 0) AS {c.code}" if c.what in ("count", "sum") else c.code for c in COLUMNS]
    return f"WITH {', '.join(parts)} SELECT {', '.join(columns)} FROM spine {' '.join(joins)} ORDER BY spine.number"


KEYS = {"text": "r.subject_id", "uuid": "CAST(r.subject_id AS UUID)", "number": "spine.number"}
KEYS_OF_SPINE = {"text": "spine.subject_id", "uuid": "CAST(spine.subject_id AS UUID)", "number": "spine.number"}


def _visible(file: Path, item: str, as_of: datetime, key: str) -> str:
    """The rows that the as-of may see, under the key that they are grouped by."""
    rows = f"read_parquet('{file}')"
    known = f"recorded_at <= TIMESTAMP '{as_of}'"
    join = " JOIN spine ON spine.subject_id = r.subject_id" if key == "number" else ""
    return (
        f"SELECT {KEYS[key]} AS subject, r.occurred_on, r.{AMOUNTS[item]} AS amount FROM {rows} r{join} "
        f"ANTI JOIN (SELECT supersedes FROM {rows} WHERE supersedes IS NOT NULL AND {known}) gone "
        f"ON gone.supersedes = r.record_id WHERE r.{known} AND r.occurred_on <= DATE '{shanghai_day(as_of)}'"
    )


def _filters(item: str, rows: str, as_of: datetime) -> str:
    """One aggregation; each measure filters for itself."""
    measures = []
    for months in WINDOWS:
        inside = f"FILTER (occurred_on >= DATE '{first_day(as_of, months)}')"
        measures.append((f"count(*) {inside}", f"sum(amount) {inside}", f"max(amount) {inside}"))
    return f"SELECT subject, {_named(item, measures, as_of)} FROM ({rows}) GROUP BY subject"


def _cases(item: str, rows: str, as_of: datetime) -> str:
    """One aggregation; amounts outside a window are null, so that one column serves three measures."""
    columns, measures = [], []
    for months in WINDOWS:
        columns.append(f"CASE WHEN occurred_on >= DATE '{first_day(as_of, months)}' THEN amount END AS a{months}")
        measures.append((f"count(a{months})", f"sum(a{months})", f"max(a{months})"))
    inner = f"SELECT subject, occurred_on, {', '.join(columns)} FROM ({rows})"
    return f"SELECT subject, {_named(item, measures, as_of)} FROM ({inner}) GROUP BY subject"


def _buckets(item: str, rows: str, as_of: datetime) -> str:
    """First by subject and innermost window, five groups a subject at most; then windows are put together."""
    first_days = [f"(occurred_on < DATE '{first_day(as_of, months)}')::UTINYINT" for months in WINDOWS]
    return _two_steps(item, rows, as_of, " + ".join(first_days), [str(place) for place in range(len(WINDOWS))])


def _months(item: str, rows: str, as_of: datetime) -> str:
    """First by subject and month; then windows are put together."""
    day = shanghai_day(as_of)
    age = f"{day.year * 12 + day.month} - (year(occurred_on) * 12 + month(occurred_on))"
    return _two_steps(item, rows, as_of, age, [str(months) for months in WINDOWS])


def _two_steps(item: str, rows: str, as_of: datetime, bucket: str, most: list[str]) -> str:
    inner = (
        f"SELECT subject, {bucket} AS bucket, count(*) AS n, sum(amount) AS s, max(amount) AS m, "
        f"max(occurred_on) AS occurred_on FROM ({rows}) GROUP BY ALL"
    )
    measures = []
    for last in most:
        inside = f"FILTER (bucket <= {last})"
        measures.append((f"sum(n) {inside}", f"sum(s) {inside}", f"max(m) {inside}"))
    return f"SELECT subject, {_named(item, measures, as_of)} FROM ({inner}) GROUP BY subject"


def _whole_fen(item: str, rows: str, as_of: datetime) -> str:
    """Exact sums of whole fen in float64, which is below 2^53 here; maxima likewise."""
    fen = f"SELECT subject, occurred_on, CAST(CAST(amount AS DOUBLE) * 100 AS BIGINT)::DOUBLE AS amount FROM ({rows})"
    columns, measures = [], []
    for months in WINDOWS:
        columns.append(f"CASE WHEN occurred_on >= DATE '{first_day(as_of, months)}' THEN amount END AS a{months}")
        measures.append((f"count(a{months})", f"sum(a{months}) / 100", f"max(a{months}) / 100"))
    inner = f"SELECT subject, occurred_on, {', '.join(columns)} FROM ({fen})"
    return f"SELECT subject, {_named(item, measures, as_of)} FROM ({inner}) GROUP BY subject"


def _named(item: str, measures: list[tuple[str, str, str]], as_of: datetime) -> str:
    found = [expression for of_window in measures for expression in of_window]
    found.append(f"DATE '{shanghai_day(as_of)}' - max(occurred_on)")
    codes = [column.code for column in COLUMNS if column.item == item]
    return ", ".join(f"CAST({expression} AS DOUBLE) AS {code}" for expression, code in zip(found, codes, strict=True))


def _table(item: str) -> str:
    return item.replace(".", "_")


# Name: how windows are aggregated, and what rows are grouped by.
SHAPES: dict[str, tuple[Shape, str]] = {
    "filters by text": (_filters, "text"),
    "filters by uuid": (_filters, "uuid"),
    "filters by number": (_filters, "number"),
    "cases by text": (_cases, "text"),
    "cases by number": (_cases, "number"),
    "whole fen by text": (_whole_fen, "text"),
    "whole fen by uuid": (_whole_fen, "uuid"),
    "buckets by text": (_buckets, "text"),
    "buckets by uuid": (_buckets, "uuid"),
    "buckets by number": (_buckets, "number"),
    "months by text": (_months, "text"),
    "months by number": (_months, "number"),
}
BEST = "cases by text"
