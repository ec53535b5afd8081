"""Rows of a batch sorted by subject in bounded memory: parts go to disk by the first bits of the subject id.

Subject ids are hashes, so their first bits share out the rows evenly: 128 portions, each sorted in
memory when it is read back, by one number made of the first ten digits and the day. A portion that is too large all the
same (one subject with very many records) is sorted by DuckDB, which spills.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

SORTED_BY = ("subject_id", "occurred_on")
PORTION_BITS = 7
PORTIONS = 1 << PORTION_BITS
PREFIX_BITS = 40
DAY_BITS = 20
IN_MEMORY_BYTES = 128 << 20
ROWS_AT_ONCE = 300_000
PORTION_MOST = 3_000_000

Starts = np.ndarray[Any, np.dtype[np.int64]]
NO_ROWS: Starts = np.zeros(PORTIONS + 1, np.int64)


class SortedRuns:
    """Frames of one schema, with ``subject_id`` and ``prefix`` (its first ten digits), collected under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loose: list[pl.DataFrame] = []
        self._loose_bytes = 0
        self._runs: list[tuple[Path, Starts]] = []
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take ``frame``; past 128 MiB of loose frames they go to disk as one run."""
        self.rows += frame.height
        self._loose.append(frame)
        self._loose_bytes += int(frame.estimated_size())
        if self._loose_bytes >= IN_MEMORY_BYTES:
            self._spill()

    def in_order(self) -> Iterator[pl.DataFrame]:
        """All rows by subject and day, in frames of at most 300,000 rows."""
        if not self._runs:
            if self._loose:
                yield from _sorted(self._loose)
            return
        loose, starts = _shared_out(self._loose) if self._loose else (self._portions(0, 1)[0].clear(), NO_ROWS)
        counts = np.diff(starts) + np.sum([np.diff(run) for _, run in self._runs], axis=0)
        for first, last in _grouped(counts):
            frames = [loose[int(starts[first]) : int(starts[last])]]
            if counts[first:last].sum() > PORTION_MOST:
                yield from self._sorted_outside(frames, first, last)
            else:
                yield from _sorted([*frames, *self._portions(first, last)])

    def unordered(self) -> Iterator[pl.DataFrame]:
        """All rows, in frames as they lie."""
        yield from self._loose
        for path, _ in self._runs:
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    yield _frame(reader.get_batch(number))

    def _spill(self) -> None:
        rows, starts = _shared_out(self._loose)
        self._loose, self._loose_bytes = [], 0
        batch = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks().to_batches()[0]
        path = self._folder / f"run-{len(self._runs)}.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
            for first, last in pairwise(starts.tolist()):
                writer.write_batch(batch.slice(first, last - first))
        self._runs.append((path, starts))

    def _portions(self, first: int, last: int) -> list[pl.DataFrame]:
        """The rows of some portions that have gone to disk."""
        found = []
        for path, _ in self._runs:
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file)
                found.append(_frame(*(reader.get_batch(number) for number in range(first, last))))
        return found

    def _sorted_outside(self, loose: list[pl.DataFrame], first: int, last: int) -> Iterator[pl.DataFrame]:
        import duckdb

        given, ordered = self._folder / "portion.parquet", self._folder / "portion-sorted.parquet"
        writer: pq.ParquetWriter | None = None
        spilled = (one for number in range(first, last) for one in self._portions(number, number + 1))
        for frame in chain(loose, spilled):
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(given, table.schema, compression="zstd")
            writer.write_table(table)
        if writer:
            writer.close()
        spill: dict[str, Any] = {"memory_limit": "1GB", "temp_directory": str(self._folder / "spill")}
        with duckdb.connect(config=spill) as database:
            database.execute(
                f"COPY (FROM read_parquet($given) ORDER BY {', '.join(SORTED_BY)}) TO '{_quoted(ordered)}' "
                "(FORMAT parquet, COMPRESSION zstd)",
                {"given": str(given)},
            )
        schema = self._schema()
        with pq.ParquetFile(ordered) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                yield _frame(batch).cast(schema)
        given.unlink()
        ordered.unlink()

    def _schema(self) -> pl.Schema:
        with pa.OSFile(str(self._runs[0][0])) as file:
            return _frame(pa.ipc.open_file(file).get_batch(0)).schema


def _shared_out(frames: list[pl.DataFrame]) -> tuple[pl.DataFrame, Starts]:
    """The rows by portion, and where each portion begins; one more for the end."""
    rows = pl.concat(frames, rechunk=True)
    portion = (rows["prefix"] // (1 << PREFIX_BITS - PORTION_BITS)).cast(pl.UInt16)
    starts = np.concatenate([[0], np.cumsum(np.bincount(portion.to_numpy(), minlength=PORTIONS))])
    return rows[portion.arg_sort()], starts


def _sorted(frames: list[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The rows of ``frames`` by subject and day. Sorting one number is several times as fast as sorting texts; two
    subjects alike in ten digits are rare, and then put apart."""
    rows = pl.concat(frames, rechunk=True)
    days = rows["occurred_on"].to_physical().cast(pl.Int64) + (1 << DAY_BITS - 1)
    order = (rows["prefix"] * (1 << DAY_BITS) + days).arg_sort()
    for first in range(0, rows.height, ROWS_AT_ONCE):
        some = rows[order[first : first + ROWS_AT_ONCE]]
        yield some if some["subject_id"].is_sorted() else some.sort(SORTED_BY)


def _grouped(counts: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[tuple[int, int]]:
    """Neighbouring portions, first and after the last, that have about 300,000 rows together."""
    first = 0
    for place in range(1, PORTIONS + 1):
        if place == PORTIONS or counts[first : place + 1].sum() > ROWS_AT_ONCE:
            if counts[first:place].sum():
                yield first, place
            first = place


def _frame(*batches: pa.RecordBatch) -> pl.DataFrame:
    return pl.DataFrame(pa.Table.from_batches(batches))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
