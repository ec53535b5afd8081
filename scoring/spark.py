"""Every subject of a segment on Spark: the bits of the local path, for any number of subjects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.spark.folders import NewFolder
from features.spark.pipeline import SparkPipeline
from features.spark.session import failures
from features.spark.spine import spine
from features.spark.tables import connect, items_for
from records.base import RecordBase
from records.moment import shanghai_day
from scoring.batch import Progress, columns_of
from scoring.columns import Reasons, ScoreColumns
from scoring.rating import Rater


def score_all_on_spark(
    base: RecordBase,
    segment: str,
    as_of: datetime,
    folder: str | Path,
    session: Any,
    *,
    progress: Progress | None = None,
    reasons: Reasons = "all",
    rater: Rater | None = None,
) -> int:
    """Score every subject of ``segment`` into Parquet files in the new ``folder``; returns how many.

    The columns and bits of ``scoring.batch.score_all``, in no order; the folder is there only when all is written.
    Features and scores go from executor to storage, never through this process; every executor needs this package and
    the record folder under the same path. Progress counts steps. Raises ``FolderTaken``, ``SparkFailed``.
    """
    rater = rater or Rater(base)
    columns, tables = columns_of(rater, segment, reasons), connect(base, session, items_for(segment))
    pipeline = SparkPipeline(tables, segment)
    with failures(), NewFolder(session, folder) as new:
        features = new.inside("_features")
        subjects = pipeline.build_to(spine(tables, segment, [shanghai_day(as_of)]), features, progress)
        score_frame(tables.session.read.parquet(features), columns).write.mode("append").parquet(new.address)
        new.remove("_features")
    return subjects


def score_frame(features: Any, columns: ScoreColumns) -> Any:
    """A Spark data frame of features as one of scores: the compiled explainer is broadcast, not sent a task."""
    from pyspark.sql.pandas.types import from_arrow_schema

    kept = features.sparkSession.sparkContext.broadcast(columns)

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield kept.value.score(batch)[0]

    asked = ["subject_id", "as_of", *columns.codes]
    return features.select(*asked).mapInArrow(score, from_arrow_schema(columns.schema, prefer_timestamp_ntz=True))
