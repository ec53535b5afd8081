"""Spines on Spark: made from a rule, or given; numbered for the passes over records."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.spark.folders import address_of
from features.spark.tables import SparkTables
from features.spine import SPINE_SCHEMA, bad_spine, known_since_query, month_ends, numbered
from records.moment import end_of_day


def spine(tables: SparkTables, segment: str, days: list[date]) -> Any:
    """``features.spine.spine`` as a Spark data frame, in no order, for more subjects than one machine holds."""
    moments = pa.table([pa.array([end_of_day(day) for day in days], pa.timestamp("us"))], ["as_of"])
    asked = tables.session.createDataFrame(moments)
    known = tables.session.sql(known_since_query(segment, tables.filled))
    return known.join(asked, known.known_since <= asked.as_of).select(*SPINE_SCHEMA.names)


def month_end_spine(tables: SparkTables, segment: str, first: date, last: date, every: int = 1) -> Any:
    """``spine`` at each month end from ``first`` to ``last``."""
    return spine(tables, segment, month_ends(first, last, every))


def keep_numbered(session: Any, spine: Any, address: str) -> tuple[Any, int]:
    """``spine`` with the columns of ``features.spine.numbered``, stored at ``address``; and how many rows it has.

    Stored, because Spark may read it again when an executor is lost, and would number its rows anew.
    Raises ``BadSpine``.
    """
    from pyspark.sql import functions as fn

    if isinstance(spine, pa.Table):
        rows = session.createDataFrame(numbered(spine))
    else:
        rows = _numbered(_read(session, spine) if isinstance(spine, str | Path) else spine)
    rows.write.parquet(address)
    kept = session.read.schema(rows.schema).parquet(address)
    counts = [fn.count(fn.lit(1)), *(fn.count(name) for name in SPINE_SCHEMA.names)]
    count, *present = kept.agg(*counts).first()
    if any(one != count for one in present):
        raise bad_spine()
    return kept, count


def _read(session: Any, path: str | Path) -> Any:
    from pyspark.errors import AnalysisException

    try:
        return session.read.parquet(address_of(path))
    except AnalysisException as error:
        raise bad_spine() from error


def _numbered(spine: Any) -> Any:
    """What ``features.spine.numbered`` adds, by Spark; row numbers with gaps. Raises ``BadSpine``."""
    from pyspark.sql import functions as fn
    from pyspark.sql.types import StringType, TimestampNTZType, TimestampType

    types = {field.name: field.dataType for field in spine.schema}
    if not isinstance(types.get("subject_id"), StringType) or not isinstance(
        types.get("as_of"), TimestampType | TimestampNTZType
    ):
        raise bad_spine()
    asked = spine.select("subject_id", fn.col("as_of").cast("timestamp_ntz").alias("as_of"))
    asked = asked.withColumn("as_of_day", fn.expr("CAST(as_of + INTERVAL '8' HOUR AS DATE)"))
    month = fn.expr("CAST(year(as_of_day) * 12 + month(as_of_day) AS BIGINT)")
    return asked.select(fn.monotonically_increasing_id().alias("row"), "*", month.alias("as_of_month"))
