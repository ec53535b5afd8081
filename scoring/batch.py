"""Every subject of a segment, to a Parquet file, with exact reasons and flat memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.pipeline import FeaturePipeline
from features.spine import spine
from models.hazard import HORIZONS
from records.base import RecordBase
from records.moment import shanghai_day
from scoring.rating import Rater, Serving
from scoring.scorer import Scorer

ROWS_AT_ONCE = 20_000
TOP_REASONS = 3


@dataclass(frozen=True)
class BatchScores:
    """What a batch run made. ``largest_gap``: how far the reasons of any subject miss its score."""

    path: Path
    subjects: int
    largest_gap: float


def score_all(
    base: RecordBase, segment: str, as_of: datetime, path: Path, *, progress: Callable[[int], None] | None = None
) -> BatchScores:
    """Score every subject of ``segment`` known on the as-of's day (its end) into ``path``.

    Columns: subject_id, as_of, model_version, pd, score, grade, base_points, clip_points, ``points_<feature>``,
    ``distress_<months>m``, top_reasons. The file appears whole or not at all. Progress counts subjects.
    """
    rater = Rater(base)
    serving, pipeline = rater.serving(segment), rater.pipeline(segment)
    subjects = spine(pipeline.connection, segment, [shanghai_day(as_of)])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    gap, done, writer = 0.0, 0, None
    try:
        for start in range(0, max(subjects.num_rows, 1), ROWS_AT_ONCE):
            table, missed = _score_rows(pipeline, serving, subjects.slice(start, ROWS_AT_ONCE))
            writer = writer or pq.ParquetWriter(unfinished, table.schema, compression="zstd")
            writer.write_table(table)
            gap, done = max(gap, missed), done + table.num_rows
            if progress:
                progress(done)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        if writer:
            writer.close()
    unfinished.replace(path)
    return BatchScores(path, done, gap)


def _score_rows(pipeline: FeaturePipeline, serving: Serving, rows: pa.Table) -> tuple[pa.Table, float]:
    features = pipeline.build(rows)
    X = np.column_stack([features[code].to_numpy() for code in serving.rating.codes])
    scores = Scorer(serving.rating).score(X)
    distress = serving.distress({code: features[code].to_numpy() for code in pipeline.codes})
    codes = serving.rating.codes
    columns: dict[str, Any] = {
        "subject_id": features["subject_id"],
        "as_of": features["as_of"],
        "model_version": pa.array([serving.rating_version] * features.num_rows, pa.string()),
        "pd": scores.pd,
        "score": scores.score,
        "grade": pa.array(scores.grade, pa.string()),
        "base_points": np.full(features.num_rows, scores.base_points),
        "clip_points": scores.clip_points,
        **{f"points_{code}": scores.points[:, column] for column, code in enumerate(codes)},
        **{f"distress_{months}m": distress[:, column] for column, months in enumerate(HORIZONS)},
    }
    top = np.argsort(-np.abs(scores.points), axis=1, kind="stable")[:, :TOP_REASONS]
    columns["top_reasons"] = pa.array([[codes[column] for column in row] for row in top], pa.list_(pa.string()))
    return pa.table(columns), scores.largest_gap
