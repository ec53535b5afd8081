"""Parquet files of an item written anew: many small ones as one, or without records that must go. Answers stay."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from records.base import STAGING, RecordBase
from records.catalogue import Item
from records.database import FileRow, RewriteRow
from records.durable import make_durable
from records.moment import now
from records.staging import MEMORY, ROW_GROUP, digest
from records.tables import nothing

BATCH_COLUMN = "batch_id"


@dataclass(frozen=True)
class Rewritten:
    """Files that one new file (none where nothing is left) will replace."""

    before: tuple[str, ...]
    path: Path | None
    name: str | None
    rows_before: int
    rows_after: int
    has_corrections: bool
    batch_id: str | None


@contextmanager
def workplace(base: RecordBase) -> Iterator[Path]:
    """A folder for files that are not yet named, removed at the end."""
    folder = base.settings.records_folder / STAGING / f"{time.time_ns():x}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_anew(
    base: RecordBase, item: Item, files: Sequence[FileRow], folder: Path, without: Sequence[str] = ()
) -> Rewritten:
    """Write the rows of ``files`` as one sorted file, but for the records ``without``; durable, not yet named.

    Each row keeps what it says and when it was recorded; where files of several batches become one, each row also
    keeps the id of its batch.
    """
    columns = ", ".join(f'"{name}"' for name in item.arrow_schema.names)
    partial = folder / f"{secrets.token_hex(4)}.parquet"
    one_batch = len({file.batch_id for file in files}) == 1 and files[0].batch_id is not None
    with _database(folder) as database:
        database.execute("CREATE TABLE gone (record_id VARCHAR)")
        for first in range(0, len(without), 10_000):
            database.execute("INSERT INTO gone SELECT unnest($ids)", {"ids": list(without[first : first + 10_000])})
        database.execute(f"CREATE VIEW every AS {_union(base, item, files)}")
        counted = database.execute(
            "SELECT count(*), count(*) FILTER (WHERE g.record_id IS NULL), "
            "count(supersedes) FILTER (WHERE g.record_id IS NULL) FROM every LEFT JOIN gone g USING (record_id)"
        ).fetchone()
        assert counted is not None  # noqa: S101  (an aggregate always gives a row)
        before, after, corrections = counted
        if after:
            kept = columns if one_batch else f"{columns}, {BATCH_COLUMN}"
            database.execute(
                f"COPY (SELECT {kept} FROM every ANTI JOIN gone USING (record_id) "
                f"ORDER BY subject_id, occurred_on, record_id) TO '{_quoted(partial)}' "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
            )
    name = f"{item.code}/{now():%Y%m%dT%H%M%S}-{secrets.token_hex(6)}-anew.parquet" if after else None
    path = base.settings.records_folder / name if name else None
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        make_durable(partial)
        partial.rename(path)
        make_durable(path.parent)
    return Rewritten(
        before=tuple(file.path for file in files),
        path=path,
        name=name,
        rows_before=before,
        rows_after=after,
        has_corrections=bool(corrections),
        batch_id=files[0].batch_id if one_batch else None,
    )


def still_named(session: Session, rewritten: Rewritten) -> bool:
    """Whether every file that was read is still the base's; asked under the write lock."""
    named = session.scalars(select(FileRow.path).where(FileRow.path.in_(rewritten.before))).all()
    return len(named) == len(rewritten.before)


def replace_files(session: Session, item: Item, rewritten: Rewritten, kind: str) -> None:
    """Name the new file in place of the old ones, inside the caller's write transaction."""
    session.execute(delete(FileRow).where(FileRow.path.in_(rewritten.before)))
    if rewritten.path is not None and rewritten.name is not None:
        session.add(
            FileRow(
                path=rewritten.name,
                batch_id=rewritten.batch_id,
                item=item.code,
                rows=rewritten.rows_after,
                bytes=rewritten.path.stat().st_size,
                sha256=digest(rewritten.path),
                has_corrections=rewritten.has_corrections,
            )
        )
    session.add(
        RewriteRow(
            rewrite_id=f"w-{secrets.token_hex(12)}",
            at=now(),
            item=item.code,
            kind=kind,
            before=list(rewritten.before),
            after=[rewritten.name] if rewritten.name else [],
            rows_before=rewritten.rows_before,
            rows_after=rewritten.rows_after,
        )
    )
    session.flush()


def batch_of(base: RecordBase, item: Item, record_id: str) -> str | None:
    """The batch that brought a record, also after its file was written anew; ``None`` where no such record is kept."""
    with Session(base.engine) as session:
        files = session.scalars(select(FileRow).where(FileRow.item == item.code)).all()
        if not files:
            return None
        with duckdb.connect() as database:
            found = database.execute(
                f"SELECT {BATCH_COLUMN} FROM ({_union(base, item, files)}) WHERE record_id = $id", {"id": record_id}
            ).fetchone()
    return str(found[0]) if found and found[0] else None


def _union(base: RecordBase, item: Item, files: Sequence[FileRow]) -> str:
    """Rows of ``files`` in the item's present columns, each with the batch that it came in."""
    columns = ", ".join(f'r."{name}"' for name in item.arrow_schema.names)
    paths = {str(base.settings.records_folder / file.path): file.batch_id for file in files}
    brought = ", ".join(f"('{_quoted(path)}', {_text(batch_id)})" for path, batch_id in paths.items())
    listed = ", ".join(f"'{_quoted(path)}'" for path in paths)
    return (
        f"SELECT {columns}, coalesce(b.batch_id, r.{BATCH_COLUMN}) AS {BATCH_COLUMN} FROM "
        f"(SELECT * FROM read_parquet([{listed}], union_by_name = true, filename = true) UNION ALL BY NAME "
        f"SELECT {nothing(item)}, CAST(NULL AS VARCHAR) AS {BATCH_COLUMN} WHERE false) r "
        f"LEFT JOIN (VALUES {brought}) b (path, batch_id) ON r.filename = b.path"
    )


@contextmanager
def _database(folder: Path) -> Iterator[Any]:
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(folder / "spill")}) as database:
        database.execute("SET TimeZone = 'UTC'")
        yield database


def _quoted(path: Path | str) -> str:
    return str(path).replace("'", "''")


def _text(value: str | None) -> str:
    return "CAST(NULL AS VARCHAR)" if value is None else f"'{value}'"
