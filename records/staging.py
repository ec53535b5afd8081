"""A batch on its way in: validated rows beside their rejections, until one Parquet file is named; flat memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from records.ahead import ahead, side_by_side
from records.batch import Accepted, BatchValidator
from records.durable import make_durable
from records.id_hashes import index_of, write_index
from records.reading import ROWS_MOST, Chunk, read_chunks
from records.rejected import RejectedRows
from records.settling import MEMORY, Settlement
from records.sorted_runs import SortedRuns
from records.storage import digest, room
from records.stored_files import ROW_GROUP, NamedSubjects, SubjectLists, remove_file, subjects_in, write_parquet

__all__ = ["MEMORY", "ROW_GROUP", "StagedBatch", "WrittenFile", "digest", "discard"]

NAMED_AT_ONCE = 50_000
CHECKERS = 2
# Measured for batches of one to fifty million rows.
WRITING_SHARE = 1.0
MANY_ROWS = 20_000


@dataclass(frozen=True)
class WrittenFile:
    """An immutable Parquet file, durable but not yet named by a transaction."""

    path: Path
    name: str
    rows: int
    sha256: str
    has_corrections: bool


class StagedBatch:
    """Accepted rows and rejections under ``folder``. Whatever the batch holds, memory stays flat.

    Every step raises ``StorageFull`` where the disk is full; then nothing has changed.
    """

    def __init__(self, validator: BatchValidator, folder: Path, rows_most: int = ROWS_MOST) -> None:
        self.item = validator.item
        self.history = validator.history
        self.version = validator.version
        self.folder = folder
        self.rows_read = 0
        self._seconds_to_read = 0.0
        self._rows_most = rows_most
        self._validator = validator
        self._runs = SortedRuns(folder)
        self._rejected = RejectedRows(validator.item, validator.identifier, folder)
        self._settlement = Settlement(self._runs, folder, self._rejected.left, self._refuse)
        self._named = NamedSubjects(folder)
        self._written: WrittenFile | None = None

    @property
    def rows_rejected(self) -> int:
        return self._rejected.count

    @property
    def seconds_to_write(self) -> float:
        """How long sorting, writing and naming will take, by how long the machine took to read and check."""
        return WRITING_SHARE * self._seconds_to_read if self.rows_read > MANY_ROWS else 0.0

    def read(self, path: Path, progress: Callable[[int], None] | None = None) -> None:
        """Validate every chunk of ``path`` and stage it. Raises ``BadBatch`` when the whole is refused."""
        started = time.monotonic()
        with room(self.folder):
            for sent, rows, accepted in ahead(self._checked(path)):
                self.rows_read += rows
                self._rejected.add(sent, accepted)
                if accepted.frame.height:
                    self._settlement.add(accepted.frame)
                    self._named.add(accepted.named)
                    self._runs.add(accepted.frame)
                if progress:
                    progress(self.rows_read)
        self._seconds_to_read = time.monotonic() - started

    def settle(self, base_files: list[str], newer: list[str] | None = None) -> int:
        """Reject rows that do not fit the batch itself or the base; returns how many more.

        ``base_files``: all files of the item. ``newer``: those among them that an earlier call has not seen, so that
        the check under the write lock costs what came meanwhile and not the whole base.
        """
        before = self._rejected.late
        if self._runs.rows:
            with room(self.folder):
                self._settlement.settle(base_files, newer)
        return self._rejected.late - before

    def write_file(self, records_folder: Path, batch_id: str, recorded_at: datetime) -> WrittenFile | None:
        """One sorted Parquet file of what is left, on disk for good; ``None`` when nothing is left."""
        if self._runs.rows == self._rejected.late:
            return None
        name = f"{self.item.code}/{batch_id}.parquet"
        final = records_folder / name
        partial = self.folder / "sorted.parquet"
        try:
            with room(records_folder):
                final.parent.mkdir(parents=True, exist_ok=True)
                corrections = self._write_rows(partial, recorded_at)
                make_durable(partial)
                rows, content = self._runs.rows - self._rejected.late, digest(partial)
                write_index(self._settlement.hashes, index_of(final))
                partial.rename(final)
                make_durable(final.parent)
                make_durable(records_folder)
        except BaseException:
            remove_file(final)
            raise
        self._written = WrittenFile(final, name, rows, content, corrections > 0)
        return self._written

    def subjects_of(self, file: WrittenFile) -> Iterator[tuple[str, str, datetime, str]]:
        """Subject id, kind, the earliest moment and the masked number of the subjects of ``file``, just written.

        A subject of very many records may come more than once.
        """
        return subjects_in(self.folder)

    def named_by(self, file: WrittenFile) -> Iterator[str]:
        """Ids of the subjects that fields of ``file``, just written, name (or of a row that was refused late)."""
        if (named := self._named.close()) is None:
            return
        options: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": str(self.folder / "spill")}
        with duckdb.connect(config=options) as database:
            found = database.execute(
                "SELECT DISTINCT subject_id FROM read_parquet($path) ORDER BY 1", {"path": str(named)}
            )
            while some := found.fetchmany(NAMED_AT_ONCE):
                yield from (row[0] for row in some)

    def write_quarantine(self, folder: Path, batch_id: str) -> Path | None:
        """Put the rejections where the source can read them; ``None`` when there are none.

        The reasons are JSON lines at the path returned; beside it, with the ending ``.csv``, lie the refused rows, to
        be corrected and sent again.
        """
        if not self.rows_rejected:
            return None
        target = folder / f"{batch_id}.jsonl"
        try:
            with room(folder):
                self._rejected.move(target, self._runs)
        except BaseException:
            discard(self._written)
            raise
        return target

    def _checked(self, path: Path) -> Iterator[tuple[list[str], int, Accepted]]:
        """For each chunk: the columns it was sent with, how many rows, and what the checks made of them."""

        def check(chunk: Chunk) -> tuple[list[str], int, Accepted]:
            rows = chunk.frame.height + len(chunk.unreadable)
            return chunk.frame.columns, rows, self._validator.check(chunk)

        return side_by_side(check, self._known_columns(ahead(read_chunks(path, self._rows_most))), CHECKERS)

    def _known_columns(self, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        """The same chunks. Raises ``BadBatch`` where needed columns are missing or others are not known."""
        complete = False
        for chunk in chunks:
            if chunk.frame.columns and not complete:
                self._validator.check_columns(chunk.frame.columns)
                complete = True
            self._validator.check_known(chunk.frame.columns)
            yield chunk
        if not complete:
            self._validator.check_columns([])

    def _write_rows(self, path: Path, recorded_at: datetime) -> int:
        """Write the rows that are left, sorted, in the item's columns; returns how many of them correct others."""
        lists = SubjectLists(self.folder, recorded_at)
        stamp = pl.lit(recorded_at, pl.Datetime("us"))
        corrections = 0

        def frames() -> Iterator[pl.DataFrame]:
            nonlocal corrections
            for frame in self._runs.in_order():
                left = self._rejected.left(frame)
                if left.height:
                    lists.add(left)
                    corrections += left.height - left["supersedes"].null_count()
                    yield left.select(self.item.arrow_schema.names).with_columns(pl.col("recorded_at").fill_null(stamp))

        write_parquet(frames(), path)
        lists.close()
        return corrections

    def _refuse(self, rows: pl.DataFrame, reason: int) -> None:
        self._rejected.add_late(rows, reason, self.rows_read)


def discard(file: WrittenFile | None) -> None:
    """Remove a file that no transaction will name."""
    if file:
        remove_file(file.path)
