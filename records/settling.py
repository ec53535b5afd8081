"""Rows that do not fit the batch itself or the base: ids that stand twice or are taken, corrections of nothing.

Hashes of record ids tell which rows could be meant (``records.id_hashes``); only these are then compared by id, in
DuckDB, which spills. So a batch without such rows is settled without reading the base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from records.id_hashes import Hashes, SortedHashes, ensure_index, found_in, hash_ids
from records.sorted_runs import SortedRuns
from records.words import Text

MEMORY = "1GB"
HASHES_MOST = 4_000_000
REJECTIONS_AT_ONCE = 50_000
REASONS: tuple[tuple[str, Text], ...] = (
    ("record_id", Text("编号在本批中重复", "this record id stands twice in the batch; the first one is kept")),
    (
        "record_id",
        Text(
            "编号已在库中；更正请另立编号并填 supersedes",
            "this record id is in the base already; to correct it, send a new record with supersedes",
        ),
    ),
    (
        "supersedes",
        Text(
            "supersedes 所指记录不存在，或属于另一主体",
            "supersedes names a record that does not exist or is about another subject",
        ),
    ),
)
TWICE, TAKEN, GROUNDLESS = range(len(REASONS))
CORRECTION = {"row": pl.Int64, "record_id": pl.String, "subject_id": pl.String, "supersedes": pl.String}
Refuse = Callable[[pl.DataFrame, int], None]


class Settlement:
    """Finds what to refuse among the staged rows ``runs``; ``refuse`` is told rows (row, record_id) and the reason.

    ``kept`` filters a frame with ``row`` to the rows that are not refused yet.
    """

    def __init__(
        self, runs: SortedRuns, folder: Path, kept: Callable[[pl.DataFrame], pl.DataFrame], refuse: Refuse
    ) -> None:
        self.hashes = SortedHashes(folder)
        self._runs, self._folder, self._kept, self._refuse = runs, folder, kept, refuse
        self._corrections: pq.ParquetWriter | None = None
        self._meant = SortedHashes(folder)
        self._grounds: list[Path] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take note of the ids and corrections of ``frame``, which has gone to the runs."""
        self.hashes.add(hash_ids(frame["record_id"]))
        corrections = frame.filter(pl.col("supersedes").is_not_null()).select(*CORRECTION)
        if corrections.height:
            self._meant.add(hash_ids(corrections["supersedes"]))
            table = _arrow(corrections)
            self._corrections = self._corrections or pq.ParquetWriter(self._all_corrections, table.schema)
            self._corrections.write_table(table)

    def settle(self, base_files: list[str], newer: list[str] | None) -> None:
        """Refuse rows by all three reasons; where ``newer`` is given, the other files have been seen before."""
        unseen = base_files if newer is None else newer
        if newer is None:
            self._settle_twice()
        self._settle_taken(unseen)
        if self._corrections is not None:
            self._corrections.close()
            self._settle_groundless(unseen)

    def _settle_twice(self) -> None:
        rows = self._candidates(_gathered(self.hashes.repeated()), ["row", "record_id"])
        if rows:
            query = "SELECT row, record_id, row_number() OVER (PARTITION BY record_id ORDER BY row) AS nth FROM rows"
            self._refuse_found(f"SELECT row, record_id FROM ({query}) WHERE nth > 1", TWICE, rows=rows)

    def _settle_taken(self, unseen: list[str]) -> None:
        files, found = self._hits(self.hashes, unseen)
        rows = self._candidates(found, ["row", "record_id"])
        if rows:
            base = _by_name(files)
            self._refuse_found(f"SELECT row, record_id FROM rows SEMI JOIN {base} USING (record_id)", TAKEN, rows=rows)

    def _settle_groundless(self, unseen: list[str]) -> None:
        """Corrections that do not lead back to a record: the target is missing, refused, another's, or a circle."""
        corrections = self._written("corrections-now", self._left_corrections())
        if corrections is None:
            return
        files, _ = self._hits(self._meant, unseen)
        targets = self._candidates(_gathered(self._meant), ["record_id", "subject_id"], originals=True)
        if files:
            self._grounds.append(self._folder / f"grounds-{len(self._grounds)}.parquet")
            with self._database(corrections=corrections) as database:
                database.execute(
                    f"COPY (SELECT DISTINCT record_id, subject_id FROM {_by_name(files)} SEMI JOIN "
                    "(SELECT supersedes AS record_id, subject_id FROM corrections) USING (record_id, subject_id)) "
                    f"TO '{_quoted(self._grounds[-1])}' (FORMAT parquet)"
                )
        known = [str(path) for path in (*self._grounds, *([targets] if targets else []))]
        grounds = f"SELECT record_id, subject_id FROM {_by_name(known)}" if known else "SELECT '', '' WHERE false"
        query = (
            f"WITH RECURSIVE grounded(record_id, subject_id) AS ({grounds} UNION "
            "SELECT c.record_id, c.subject_id FROM corrections c "
            "JOIN grounded g ON c.supersedes = g.record_id AND c.subject_id = g.subject_id) "
            "SELECT row, record_id FROM corrections c ANTI JOIN grounded g USING (record_id, subject_id)"
        )
        self._refuse_found(query, GROUNDLESS, corrections=corrections)

    def _hits(self, hashes: SortedHashes, files: list[str]) -> tuple[list[str], Hashes | None]:
        """Files that may have some of ``hashes``, and which; ``None`` where these are too many to hold."""
        indexes = {file: ensure_index(Path(file), self._folder) for file in files}
        hit: set[str] = set()

        def found() -> Iterator[Hashes]:
            for some in hashes if files else ():
                distinct = np.unique(some)
                for file, index in indexes.items():
                    there = found_in(index, distinct)
                    if len(there):
                        hit.add(file)
                        yield there

        gathered = _gathered(found())
        return sorted(hit), gathered

    def _candidates(self, hashes: Hashes | None, columns: list[str], originals: bool = False) -> Path | None:
        """Staged rows with an id among ``hashes`` (``None``: all), as a Parquet file; ``None`` where there is none."""
        if hashes is not None and len(hashes) == 0:
            return None

        def frames() -> Iterator[pl.DataFrame]:
            for frame in self._runs.unordered():
                kept = self._kept(frame)
                if hashes is not None:
                    kept = kept.filter(pl.Series(_among(hash_ids(kept["record_id"]), hashes)))
                if originals:
                    kept = kept.filter(pl.col("supersedes").is_null())
                yield kept.select(columns)

        return self._written("candidates", frames())

    def _left_corrections(self) -> Iterator[pl.DataFrame]:
        with pq.ParquetFile(self._all_corrections) as file:
            for batch in file.iter_batches():
                yield self._kept(pl.DataFrame(pa.Table.from_batches([batch])))

    @property
    def _all_corrections(self) -> Path:
        return self._folder / "corrections.parquet"

    def _written(self, name: str, frames: Iterator[pl.DataFrame]) -> Path | None:
        path, writer = self._folder / f"{name}.parquet", None
        for frame in frames:
            if frame.height:
                table = _arrow(frame)
                writer = writer or pq.ParquetWriter(path, table.schema)
                writer.write_table(table)
        if writer is None:
            return None
        writer.close()
        return path

    def _refuse_found(self, query: str, reason: int, **tables: Path) -> None:
        with self._database(**tables) as database:
            database.execute(f"CREATE TEMP TABLE wrong AS SELECT row, record_id FROM ({query}) ORDER BY row")
            found = database.execute("SELECT row, record_id FROM wrong ORDER BY row")
            while some := found.fetchmany(REJECTIONS_AT_ONCE):
                rows, ids = zip(*some, strict=True)
                self._refuse(pl.DataFrame({"row": rows, "record_id": ids}), reason)

    @contextmanager
    def _database(self, **tables: Path) -> Iterator[Any]:
        """DuckDB with a view on each of the Parquet files ``tables``; spills into the staging folder."""
        options: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": str(self._folder / "spill")}
        with duckdb.connect(config=options) as database:
            for name, path in tables.items():
                database.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{_quoted(path)}')")
            yield database


def _gathered(parts: Iterable[Hashes]) -> Hashes | None:
    """All parts as one ascending array without repetition, or ``None`` where it would be too large."""
    found: list[Hashes] = [np.empty(0, np.uint64)]
    count = 0
    for part in parts:
        found.append(part)
        count += len(part)
        if count > HASHES_MOST:
            return None
    return np.unique(np.concatenate(found))


def _among(hashes: Hashes, ascending: Hashes) -> np.ndarray[Any, np.dtype[np.bool_]]:
    place = np.minimum(np.searchsorted(ascending, hashes), len(ascending) - 1)
    return np.asarray(ascending[place] == hashes)


def _by_name(paths: list[str]) -> str:
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{listed}], union_by_name = true)"


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
