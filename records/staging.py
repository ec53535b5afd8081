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

from records.batch import BatchValidator
from records.reading import read_chunks
from records.rejections import Rejection
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


TWICE = (
    "SELECT row, record_id FROM (SELECT row, record_id, row_number() OVER (PARTITION BY record_id ORDER BY row) AS nth "
    "FROM staged) WHERE nth > 1"
)
REJECTIONS_AT_ONCE = 50_000


@dataclass(frozen=True)
class WrittenFile:
    """An immutable Parquet file, durable but not yet named by a transaction.

    ``subjects``: subject id, kind and the earliest moment at which one of its records here was learnt.
    """

    path: Path
    name: str
    rows: int
    sha256: str
    has_corrections: bool
    subjects: list[tuple[str, str, datetime]]


class StagedBatch:
    """Accepted rows in ``folder`` as Parquet, rejections as JSON lines, subjects in memory."""

    def __init__(self, validator: BatchValidator, folder: Path) -> None:
        self.item = validator.item
        self.history = validator.history
        self.version = validator.version
        self.folder = folder
        self.rows_read = 0
        self.rows_rejected = 0
        self.subjects: dict[tuple[str, str], str] = {}
        self._validator = validator
        self._parts: list[Path] = []
        self._late = 0

    def read(self, path: Path, progress: Callable[[int], None] | None = None) -> None:
        """Validate every chunk of ``path`` and stage it. Raises ``BadBatch`` when the whole is refused."""
        for number, chunk in enumerate(read_chunks(path)):
            if number == 0:
                self._validator.check_columns(chunk.frame.columns)
            else:
                self._validator.check_known(chunk.frame.columns)
            accepted = self._validator.check(chunk)
            self.rows_read += chunk.frame.height + len(chunk.unreadable)
            self.subjects |= accepted.subjects
            self._reject(accepted.rejections)
            if accepted.frame.height:
                part = self.folder / f"{number}.parquet"
                pq.write_table(accepted.frame.to_arrow(), part, compression="none", use_dictionary=False)
                self._parts.append(part)
            if progress:
                progress(self.rows_read)

    def settle(self, base_files: list[str], newer: list[str] | None = None) -> int:
        """Reject rows that do not fit the batch itself or the base; returns how many more.

        ``base_files``: all files of the item. ``newer``: those among them that an earlier call has not seen, so that
        the check under the write lock costs what came meanwhile and not the whole base.
        """
        before = self._late
        if not self._parts:
            return 0
        with self._database() as database:
            if newer is None:
                self._reject_rows(database, TWICE, "record_id", TWICE_IN_BATCH)
            unseen = base_files if newer is None else newer
            if unseen:
                inside = f"SELECT row, record_id FROM staged SEMI JOIN {quoted_files(unseen)} USING (record_id)"
                self._reject_rows(database, inside, "record_id", ALREADY_IN_BASE)
            if database.execute("SELECT count(supersedes) FROM staged").fetchone()[0]:
                self._reject_rows(database, _groundless(base_files), "supersedes", NOTHING_TO_CORRECT)
            database.execute(f"COPY late TO '{_escaped(self._late_rows)}' (FORMAT parquet)")
        return self._late - before

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
            subjects = database.execute(
                "SELECT subject_id, subject_kind, min(recorded_at) "
                f"FROM {quoted_files([str(partial)])} GROUP BY ALL ORDER BY ALL"
            ).fetchall()
        _make_durable(partial)
        partial.rename(final)
        _make_durable(final.parent)
        _make_durable(records_folder)
        return WrittenFile(final, name, int(counted[0]), digest(final), bool(counted[1]), subjects)

    def subjects_of(self, file: WrittenFile) -> Iterator[tuple[str, str, datetime, str]]:
        """Subject id, kind, the earliest moment and the masked number of each subject of ``file``."""
        for subject_id, kind, first in file.subjects:
            yield subject_id, kind, first, self.subjects[subject_id, kind]

    def named_by(self, file: WrittenFile) -> Iterator[str]:
        """Ids of the subjects that fields of ``file`` name."""
        names = [name for name, field in self.item.fields.items() if field.type == "subject"]
        if not names:
            return
        listed = ", ".join(f'"{name}"' for name in names)
        with self._database() as database:
            found = database.execute(
                f"SELECT DISTINCT named FROM "
                f"(SELECT unnest([{listed}]) AS named FROM {quoted_files([str(file.path)])}) "
                "WHERE named IS NOT NULL"
            )
            while some := found.fetchmany(REJECTIONS_AT_ONCE):
                yield from (row[0] for row in some)

    def write_quarantine(self, folder: Path, batch_id: str) -> Path | None:
        """Move the rejections to where the source can read them; ``None`` when there are none."""
        if not self.rows_rejected:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{batch_id}.jsonl"
        self._rejections.replace(target)
        _make_durable(target)
        _make_durable(folder)
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

    @property
    def _late_rows(self) -> Path:
        return self.folder / "late.parquet"

    def _reject_rows(self, database: Any, query: str, field: str, reason: Text) -> None:
        """Reject the rows (row, record_id) of ``query``."""
        database.execute(f"CREATE OR REPLACE TEMP TABLE wrong AS SELECT * FROM ({query}) ORDER BY row")
        found = database.execute("SELECT * FROM wrong")
        while some := found.fetchmany(REJECTIONS_AT_ONCE):
            self._late += len(some)
            self._reject(Rejection(row, record_id, field, "text", reason) for row, record_id in some)
        database.execute("INSERT INTO late SELECT row FROM wrong")

    @contextmanager
    def _database(self) -> Iterator[Any]:
        """DuckDB with the view ``staged``: the rows that have passed so far; spills into the staging folder."""
        with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(self.folder / "spill")}) as database:
            database.execute("SET TimeZone = 'UTC'")
            database.execute("CREATE TABLE late (row BIGINT)")
            if self._late_rows.exists():
                database.execute(f"INSERT INTO late FROM {quoted_files([str(self._late_rows)])}")
            parts = quoted_files([str(part) for part in self._parts])
            database.execute(f"CREATE VIEW staged AS SELECT * FROM {parts} ANTI JOIN late USING (row)")
            yield database


def _groundless(base_files: list[str]) -> str:
    """Corrections that do not lead back to a record: the target is missing, refused, another's, or a circle."""
    meant = "SELECT supersedes AS record_id FROM staged WHERE supersedes IS NOT NULL"
    grounds = f"SELECT record_id, subject_id FROM staged SEMI JOIN ({meant}) USING (record_id) WHERE supersedes IS NULL"
    if base_files:
        base = quoted_files(base_files)
        grounds += f" UNION ALL SELECT record_id, subject_id FROM {base} SEMI JOIN ({meant}) USING (record_id)"
    return (
        "WITH RECURSIVE corrections AS (SELECT row, record_id, subject_id, supersedes FROM staged "
        "WHERE supersedes IS NOT NULL), "
        f"grounded AS ({grounds} UNION SELECT c.record_id, c.subject_id FROM corrections c "
        "JOIN grounded g ON c.supersedes = g.record_id AND c.subject_id = g.subject_id) "
        "SELECT row, record_id FROM corrections c ANTI JOIN grounded g USING (record_id, subject_id)"
    )


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    total = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def discard(file: WrittenFile | None) -> None:
    """Remove a file that no transaction will name."""
    if file:
        file.path.unlink()


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
