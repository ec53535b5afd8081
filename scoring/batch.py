"""Any number of subjects to a Parquet file, with exact reasons and flat memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.spine import spine
from records.base import RecordBase
from records.durable import make_durable
from records.moment import shanghai_day
from records.words import Text
from scoring.columns import BadFeatures, Reasons, ScoreColumns
from scoring.rating import Rater

ROWS_AT_ONCE = 32_768
"""Rows of a row group. Fewer would make the file's footer grow with what is scored; more are in memory for nothing."""
REPEATING = ("as_of", "model_version", "grade", "top_reasons.list.element")
COUNTED = ("subject_id", "as_of", "model_version", "pd", "score", "grade")

Progress = Callable[[int], None]


@dataclass(frozen=True)
class BatchScores:
    """What a batch run made. ``largest_gap``: how far the reasons of any subject miss its score."""

    path: Path
    subjects: int
    largest_gap: float


def score_all(
    base: RecordBase,
    segment: str,
    as_of: datetime,
    path: Path,
    *,
    progress: Progress | None = None,
    reasons: Reasons = "all",
    rater: Rater | None = None,
) -> BatchScores:
    """Score every subject of ``segment`` known on the as-of's day (its end) into ``path``.

    Columns: subject_id, as_of, model_version, pd, score, grade, base_points, clip_points, ``points_<feature>``,
    ``distress_<months>m``, top_reasons (see ``ScoreColumns``). The file appears whole or not at all. Progress counts
    subjects.
    """
    rater = rater or Rater(base)
    columns, pipeline = columns_of(rater, segment, reasons), rater.pipeline(segment)
    subjects = spine(pipeline.connection, segment, [shanghai_day(as_of)])
    slices = (subjects.slice(start, ROWS_AT_ONCE) for start in range(0, subjects.num_rows, ROWS_AT_ONCE))
    return write_scores(columns, (pipeline.build(rows) for rows in slices), path, progress=progress)


def score_features(
    columns: ScoreColumns, source: Path, path: Path, *, progress: Progress | None = None, threads: int | None = None
) -> BatchScores:
    """Score the prepared features of the Parquet file ``source`` into ``path``.

    ``source`` has subject_id, each feature of the models by its code (numbers, null or NaN where missing), and as_of
    where known. Raises ``BadFeatures``.
    """
    with _opened(source) as file:
        known = file.schema_arrow.names
        needed = ["subject_id", *columns.codes]
        if missing := [name for name in needed if name not in known]:
            named = ", ".join(missing[:10]) + (" ..." if len(missing) > 10 else "")
            raise BadFeatures(Text(f"缺少 {len(missing)} 列：{named}", f"{len(missing)} columns are missing: {named}"))
        asked = needed + (["as_of"] if "as_of" in known else [])
        chunks = file.iter_batches(ROWS_AT_ONCE, columns=asked, use_threads=False)
        return write_scores(columns, chunks, path, progress=progress, threads=threads)


def rows_of(source: Path) -> int:
    """How many rows a Parquet file has. Raises ``BadFeatures``."""
    with _opened(source) as file:
        return int(file.metadata.num_rows)


def _opened(source: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source, pre_buffer=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise BadFeatures(Text("不是可读的 Parquet 文件", "this is no Parquet file that can be read")) from error


def columns_of(rater: Rater, segment: str, reasons: Reasons = "all") -> ScoreColumns:
    """What the champions of ``segment`` say, as columns."""
    serving = rater.serving(segment)
    return ScoreColumns(serving.rating, serving.rating_version, serving.warning, reasons)


def write_scores(
    columns: ScoreColumns,
    chunks: Iterator[pa.RecordBatch | pa.Table],
    path: Path,
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> BatchScores:
    """Score ``chunks`` of features into ``path``, in their order: threads score while this one reads and writes."""
    gap, done = 0.0, 0
    with appearing(path) as unfinished, scores_writer(unfinished, columns.schema) as writer:
        for batch, missed in _scored(columns, chunks, threads or _cores()):
            writer.write_batch(batch, row_group_size=ROWS_AT_ONCE)
            gap, done = max(gap, missed), done + batch.num_rows
            if progress:
                progress(done)
    return BatchScores(path, done, gap)


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Where to write what shall lie at ``path``: it appears there whole and durable, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield unfinished
        make_durable(unfinished)
        unfinished.replace(path)
        make_durable(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def scores_writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Points hardly repeat: a dictionary of them, or their least and largest, would cost more than it saves."""
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=list(REPEATING),
        write_statistics=list(COUNTED),
    )


def _scored(
    columns: ScoreColumns, chunks: Iterator[pa.RecordBatch | pa.Table], threads: int
) -> Iterator[tuple[pa.RecordBatch, float]]:
    """Scores in the order of ``chunks``; a few more chunks than threads are in memory at a time."""
    at_hand: deque[Future[tuple[pa.RecordBatch, float]]] = deque()
    with ThreadPoolExecutor(threads, "scores") as pool:
        try:
            for chunk in chunks:
                at_hand.append(pool.submit(columns.score, chunk))
                if len(at_hand) > threads:
                    yield at_hand.popleft().result()
            while at_hand:
                yield at_hand.popleft().result()
        finally:
            for future in at_hand:
                future.cancel()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
