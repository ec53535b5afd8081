"""A batch on its way in: validated rows on disk beside their rejections, until one Parquet file is named."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow.parquet as pq

from records.batch import BatchValidator, Rejection
from records.reading import read_chunks
from records.tables import quoted_files
from records.words import Text

ROW_GROUP = 50_000
MEMORY = "1GB"
TWICE_IN_BATCH = Text("编号在本批中重复", "this record id stands twice in the batch; the first one is kept")
ALREADY_IN_BASE = Text(
    "编号已在库中；更正请另立编号并填 supersedes",
    "this record id is in the base already; to correct it, send a new record with supersedes",
)
NOTHING_TO_CORRECT = Text(
    "supersedes 所指记录不存在，或属于另一主体",
    "supersedes names a record that does not exist or is about another subject",
)


@dataclass(frozen=True)
class WrittenFile:
    """An immutable Parquet file, durable but not yet named by a transaction."""

    path: Path
    name: str
    rows: int
    sha256: str
    has_corrections: bool


class StagedBatch:
    """Accepted rows in ``folder`` as Parquet, rejections as JSON lines, subjects in memory."""

    def __init__(self, validator: BatchValidator, folder: Path) -> None:
        self.item = validator.item
        self.history = validator.history
        self.folder = folder
        self.rows_read = 0
        self.rows_rejected = 0
        self.subjects: dict[tuple[str, str], str] = {}
        self._validator = validator
        self._parts: list[Path] = []
        self._late: set[int] = set()

    def read(self, path: Path, progress: Callable[[int], None] | None = None) -> None:
        """Validate every chunk of ``path`` and stage it. Raises ``BadBatch`` when the whole is refused."""
        for number, chunk in enumerate(read_chunks(path)):
            if number == 0:
                self._validator.check_columns(chunk.frame.columns)
            accepted = self._validator.check(chunk)
            self.rows_read += chunk.frame.height + len(chunk.unreadable)
            self.subjects |= accepted.subjects
            self._reject(accepted.rejections)
            if accepted.frame.height:
                part = self.folder / f"{number}.parquet"
                pq.write_table(accepted.frame.to_arrow(), part)
                self._parts.append(part)
            if progress:
                progress(self.rows_read)

    def settle(self, base_files: list[str]) -> int:
        """Reject rows whose id or correction does not fit the batch itself or ``base_files``; returns how many more."""
        before = len(self._late)
        if not self._parts:
            return 0
        with self._database() as database:
            seen = f"SELECT record_id, subject_id FROM {quoted_files(base_files)}" if base_files else None
            self._reject_rows(
                database,
                "SELECT row, record_id FROM (SELECT row, record_id, "
                "row_number() OVER (PARTITION BY record_id ORDER BY row) AS nth FROM staged) WHERE nth > 1",
                "record_id",
                TWICE_IN_BATCH,
            )
            if seen:
                inside = f"SELECT row, record_id FROM staged SEMI JOIN ({seen}) USING (record_id)"
                self._reject_rows(database, inside, "record_id", ALREADY_IN_BASE)
            known = "SELECT record_id, subject_id FROM staged" + (f" UNION ALL {seen}" if seen else "")
            lost = (
                "SELECT s.row, s.record_id FROM staged s "
                f"ANTI JOIN (SELECT record_id AS supersedes, subject_id FROM ({known})) k "
                "ON s.supersedes = k.supersedes AND s.subject_id = k.subject_id WHERE s.supersedes IS NOT NULL"
            )
            self._reject_rows(database, lost, "supersedes", NOTHING_TO_CORRECT)
        return len(self._late) - before

    def write_file(self, records_folder: Path, batch_id: str, recorded_at: datetime) -> WrittenFile | None:
        """One sorted Parquet file of what is left, on disk for good; ``None`` when nothing is left."""
        if not self._parts:
            return None
        name = f"{self.item.code}/{batch_id}.parquet"
        final = records_folder / name
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = self.folder / "sorted.parquet"
        columns = ", ".join(
            "coalesce(recorded_at, $stamp) AS recorded_at" if column == "recorded_at" else f'"{column}"'
            for column in self.item.arrow_schema.names
        )
        with self._database() as database:
            counted = database.execute("SELECT count(*), count(supersedes) FROM staged").fetchone()
            if not counted or not counted[0]:
                return None
            database.execute(
                f"COPY (SELECT {columns} FROM staged ORDER BY subject_id, occurred_on, record_id) "
                f"TO '{_escaped(partial)}' "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
                {"stamp": recorded_at},
            )
        _make_durable(partial)
        partial.rename(final)
        _make_durable(final.parent)
        return WrittenFile(final, name, int(counted[0]), digest(final), bool(counted[1]))

    def write_quarantine(self, folder: Path, batch_id: str) -> Path | None:
        """Move the rejections to where the source can read them; ``None`` when there are none."""
        if not self.rows_rejected:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{batch_id}.jsonl"
        self._rejections.replace(target)
        _make_durable(target)
        return target

    @property
    def _rejections(self) -> Path:
        return self.folder / "rejections.jsonl"

    def _reject(self, rejections: Iterable[Rejection]) -> None:
        rows = set()
        with self._rejections.open("ab") as file:
            for rejection in rejections:
                rows.add(rejection.row)
                file.write(orjson.dumps({**rejection._asdict(), "reason": rejection.reason._asdict()}) + b"\n")
        self.rows_rejected += len(rows)

    def _reject_rows(self, database: Any, query: str, field: str, reason: Text) -> None:
        found = [(row, record_id) for row, record_id in database.execute(query).fetchall() if row not in self._late]
        self._reject(Rejection(row, record_id, field, "text", reason) for row, record_id in sorted(found))
        self._late.update(row for row, _ in found)
        if found:
            database.executemany("INSERT INTO late VALUES (?)", [(row,) for row, _ in found])

    @contextmanager
    def _database(self) -> Iterator[Any]:
        """DuckDB with the view ``staged``: the rows that have passed so far; spills into the staging folder."""
        with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(self.folder / "spill")}) as database:
            database.execute("SET TimeZone = 'UTC'")
            database.execute("CREATE TABLE late (row BIGINT)")
            if self._late:
                database.executemany("INSERT INTO late VALUES (?)", [(row,) for row in self._late])
            parts = quoted_files([str(part) for part in self._parts])
            database.execute(f"CREATE VIEW staged AS SELECT * FROM {parts} ANTI JOIN late USING (row)")
            yield database


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    total = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
