"""Rows of a batch sorted by subject in bounded memory: parts go to disk by the first digits of the subject id.

Subject ids are hashes, so their first two hexadecimal digits share out the rows evenly: 256 portions, each sorted in
memory when it is read back. A portion that is too large all the same (one subject with very many records) is sorted by
DuckDB, which spills.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

SORTED_BY = ("subject_id", "occurred_on", "record_id")
PORTIONS = 256
IN_MEMORY_BYTES = 160 << 20
ROWS_AT_ONCE = 300_000
PORTION_MOST = 3_000_000


class SortedRuns:
    """Frames of one schema, with ``subject_id`` as hexadecimal digits, collected under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loose: list[pl.DataFrame] = []
        self._loose_bytes = 0
        self._runs: list[tuple[Path, np.ndarray[Any, np.dtype[np.int64]]]] = []
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take ``frame``; past 160 MiB of loose frames they go to disk as one run."""
        self.rows += frame.height
        self._loose.append(frame)
        self._loose_bytes += int(frame.estimated_size())
        if self._loose_bytes >= IN_MEMORY_BYTES:
            self._spill()

    def in_order(self) -> Iterator[pl.DataFrame]:
        """All rows by subject, day and record id, in frames of about 300,000 rows; no subject is in two frames, but
        one of more than three million rows."""
        if not self._runs:
            if self._loose:
                yield pl.concat(self._loose).sort(SORTED_BY)
            return
        self._spill()
        counts = sum(starts[1:] - starts[:-1] for _, starts in self._runs)
        for first, last in _grouped(np.asarray(counts)):
            if counts[first:last].sum() > PORTION_MOST:
                yield from self._sorted_outside(first, last)
            else:
                yield pl.concat(self._portions(first, last)).sort(SORTED_BY)

    def unordered(self) -> Iterator[pl.DataFrame]:
        """All rows, in frames as they lie."""
        yield from self._loose
        for path, _ in self._runs:
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file)
                for number in range(reader.num_record_batches):
                    yield _frame(reader.get_batch(number))

    def _spill(self) -> None:
        if not self._loose:
            return
        rows = pl.concat(self._loose)
        self._loose, self._loose_bytes = [], 0
        portion = rows["subject_id"].str.head(2).str.to_integer(base=16).cast(pl.UInt16)
        order = portion.arg_sort()
        sizes = np.bincount(portion.to_numpy(), minlength=PORTIONS)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        path = self._folder / f"run-{len(self._runs)}.arrow"
        schema = rows.head(0).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for first, last in pairwise(starts):
                table = rows[order[int(first) : int(last)]].to_arrow(compat_level=pl.CompatLevel.oldest())
                writer.write_batch(table.combine_chunks().to_batches()[0] if len(table) else _empty(schema))
        self._runs.append((path, starts))

    def _portions(self, first: int, last: int) -> list[pl.DataFrame]:
        found = []
        for path, _ in self._runs:
            with pa.OSFile(str(path)) as file:
                reader = pa.ipc.open_file(file)
                found += [_frame(reader.get_batch(number)) for number in range(first, last)]
        return found

    def _sorted_outside(self, first: int, last: int) -> Iterator[pl.DataFrame]:
        import duckdb

        given, ordered = self._folder / "portion.parquet", self._folder / "portion-sorted.parquet"
        writer: pq.ParquetWriter | None = None
        for frame in (one for number in range(first, last) for one in self._portions(number, number + 1)):
            table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
            writer = writer or pq.ParquetWriter(given, table.schema, compression="zstd")
            writer.write_table(table)
        if writer:
            writer.close()
        spill = {"memory_limit": "1GB", "temp_directory": str(self._folder / "spill")}
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

    def _schema(self) -> dict[str, pl.DataType]:
        with pa.OSFile(str(self._runs[0][0])) as file:
            return dict(_frame(pa.ipc.open_file(file).get_batch(0)).schema)


def _grouped(counts: np.ndarray[Any, np.dtype[np.int64]]) -> Iterator[tuple[int, int]]:
    """Neighbouring portions, first and after the last, that have about 300,000 rows together."""
    first = 0
    for place in range(1, PORTIONS + 1):
        if place == PORTIONS or counts[first : place + 1].sum() > ROWS_AT_ONCE:
            if counts[first:place].sum():
                yield first, place
            first = place


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    return pl.DataFrame(pa.Table.from_batches([batch]))


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=schema)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
