"""The rival in Polars: lazy queries on the streaming engine over the same Parquet files, in the shapes that were tried.

The same debts as ``benchmarks.features.sql``. Money is summed as whole fen, which Polars adds exactly and fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import polars as pl
import pyarrow as pa

from benchmarks.features.measures import AMOUNTS, COLUMNS, WINDOWS, first_day
from benchmarks.features.records import Made
from records.moment import shanghai_day

Shape = Callable[[str, pl.LazyFrame, datetime], pl.LazyFrame]


def answer(
    made: Made, ids: pa.ChunkedArray, as_ofs: Sequence[datetime], shape: str | None = None
) -> list[pl.DataFrame]:
    """A table an as-of, one query each on the files, with a row for each of ``ids`` in their order."""
    asked = _asked(ids)
    frames = {item: pl.scan_parquet(made.file(item)) for item in AMOUNTS}
    return [_at(frames, asked, as_of, shape or BEST) for as_of in as_ofs]


def loop(made: Made, ids: pa.ChunkedArray, as_ofs: Sequence[datetime], shape: str | None = None) -> list[pl.DataFrame]:
    """The same, but the files are read once, with subjects as numbers, fen, and when a record was replaced."""
    asked = _asked(ids)
    frames = {}
    for item in AMOUNTS:
        rows = pl.scan_parquet(made.file(item))
        corrections = rows.filter(pl.col("supersedes").is_not_null()).group_by("supersedes")
        moments = corrections.agg(superseded_at=pl.col("recorded_at").min())
        joined = rows.join(moments, left_on="record_id", right_on="supersedes", how="left")
        numbered = joined.join(asked, on="subject_id")
        kept = numbered.select("occurred_on", "recorded_at", "superseded_at", _fen(item), subject_id="place")
        frames[item] = kept.collect(engine="streaming").lazy()
    by_number = asked.with_columns(subject_id="place").collect().lazy()
    return [_at(frames, by_number, as_of, shape or BEST) for as_of in as_ofs]


def _asked(ids: pa.ChunkedArray) -> pl.LazyFrame:
    """The subjects with their places, and a column of hundreds (``_at``)."""
    count = len(ids)
    columns = {
        "subject_id": pl.Series(pl.from_arrow(ids)),
        "place": np.arange(count, dtype=np.uint32),
        "hundred": np.full(count, 100.0),
    }
    return pl.DataFrame(columns).lazy()


def _at(frames: dict[str, pl.LazyFrame], asked: pl.LazyFrame, as_of: datetime, shape: str) -> pl.DataFrame:
    """The whole query of a shape at an as-of. Joins that keep the order are slower than joins and one sort."""
    found = asked
    for item, rows in frames.items():
        found = found.join(SHAPES[shape](item, _visible(item, rows, as_of), as_of), on="subject_id", how="left")
    columns = []
    for column in COLUMNS:
        value = pl.col(column.code).cast(pl.Float64)
        if column.what in ("sum", "max"):  # a literal 100 would become a factor of 0.01, which is not the same number
            value = value / pl.col("hundred")
        columns.append(value.fill_null(0.0) if column.what in ("count", "sum") else value)
    return found.select("place", *columns).sort("place").drop("place").collect(engine="streaming")


def _visible(item: str, rows: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """The rows that the as-of may see; ``rows`` may say when they were superseded, or else their corrections do."""
    known = (pl.col("recorded_at") <= as_of) & (pl.col("occurred_on") <= shanghai_day(as_of))
    if "superseded_at" in rows.collect_schema():
        current = pl.col("superseded_at").is_null() | (pl.col("superseded_at") > as_of)
        return rows.filter(known & current).select("subject_id", "occurred_on", "fen")
    corrections = rows.filter(pl.col("supersedes").is_not_null() & (pl.col("recorded_at") <= as_of))
    left = rows.filter(known).join(
        corrections.select("supersedes"), left_on="record_id", right_on="supersedes", how="anti"
    )
    return left.select("subject_id", "occurred_on", _fen(item))


def _fen(item: str) -> pl.Expr:
    return pl.col(AMOUNTS[item]).to_physical().cast(pl.Int64).alias("fen")


def _filters(item: str, rows: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """One aggregation; each measure filters for itself."""
    measures: list[pl.Expr] = []
    for months in WINDOWS:
        inside = pl.col("fen").filter(pl.col("occurred_on") >= first_day(as_of, months))
        measures += [inside.len(), inside.sum(), inside.max()]
    return rows.group_by("subject_id").agg(_named(item, [*measures, _age(as_of)]))


def _masked(item: str, rows: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """One aggregation; amounts outside a window are null, so that one column serves three measures."""
    masks = {m: pl.when(pl.col("occurred_on") >= first_day(as_of, m)).then("fen").alias(f"fen{m}") for m in WINDOWS}
    measures: list[pl.Expr] = []
    for months in WINDOWS:
        inside = pl.col(f"fen{months}")
        measures += [inside.count(), inside.sum(), inside.max()]
    rows = rows.select("subject_id", "occurred_on", *masks.values())
    return rows.group_by("subject_id").agg(_named(item, [*measures, _age(as_of)]))


def _buckets(item: str, rows: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """First by subject and innermost window, five groups a subject at most; then windows are put together."""
    bucket = pl.sum_horizontal((pl.col("occurred_on") < first_day(as_of, months)).cast(pl.UInt8) for months in WINDOWS)
    return _two_steps(item, rows, as_of, bucket, range(len(WINDOWS)))


def _months(item: str, rows: pl.LazyFrame, as_of: datetime) -> pl.LazyFrame:
    """First by subject and month; then windows are put together."""
    day = shanghai_day(as_of)
    months = pl.col("occurred_on").dt.year() * 12 + pl.col("occurred_on").dt.month()
    return _two_steps(item, rows, as_of, (day.year * 12 + day.month - months).cast(pl.UInt16), WINDOWS)


def _two_steps(item: str, rows: pl.LazyFrame, as_of: datetime, bucket: pl.Expr, most: Sequence[int]) -> pl.LazyFrame:
    fen, day = pl.col("fen"), pl.col("occurred_on")
    first = rows.group_by("subject_id", bucket.alias("bucket")).agg(
        n=fen.len(), s=fen.sum(), m=fen.max(), occurred_on=day.max()
    )
    inside = {last: pl.col("bucket") <= last for last in most}
    masks = [
        pl.when(where).then(name).alias(f"{name}{last}") for last, where in inside.items() for name in ("n", "s", "m")
    ]
    measures = [
        one for last in most for one in (pl.col(f"n{last}").sum(), pl.col(f"s{last}").sum(), pl.col(f"m{last}").max())
    ]
    rows = first.select("subject_id", "occurred_on", *masks)
    return rows.group_by("subject_id").agg(_named(item, [*measures, _age(as_of)]))


def _age(as_of: datetime) -> pl.Expr:
    return (pl.lit(shanghai_day(as_of)) - pl.col("occurred_on").max()).dt.total_days()


def _named(item: str, measures: Sequence[pl.Expr]) -> list[pl.Expr]:
    codes = [column.code for column in COLUMNS if column.item == item]
    return [measure.alias(code) for measure, code in zip(measures, codes, strict=True)]


SHAPES: dict[str, Shape] = {
    "filters": _filters,
    "masked": _masked,
    "buckets": _buckets,
    "months": _months,
}
BEST = "masked"
